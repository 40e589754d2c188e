// What the tests of NetworkStore share: random networks, stores of them in a directory of the
// test's own, and other ways to their files.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "draws.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "results/network_store.hpp"
#include "scratch_directory.hpp"

namespace gridrun {

namespace fs = std::filesystem;
using Access = NetworkStore::Access;
using Networks = std::map<std::string, StoredNetwork>;  // by identity

inline const std::vector<StoredAxis> axes = {{"lr", ValueKind::integer},
                                             {"init.std", ValueKind::real},
                                             {"network.bias", ValueKind::boolean},
                                             {"precision.round", ValueKind::text},
                                             {"network.layers", ValueKind::integers}};
inline const std::vector<std::string> figures = {"accuracy", "held_out_accuracy"};

inline std::string identity_of(std::uint64_t number) {
  char text[33];
  std::snprintf(text, sizeof text, "%032llx", static_cast<unsigned long long>(number));
  return text;
}

inline std::vector<std::int64_t> integers(RandomDraws& draws, std::int64_t most_count) {
  std::vector<std::int64_t> values(draws.between(0, most_count));
  for (auto& value : values) value = static_cast<std::int64_t>(draws.bits());
  return values;
}

inline StoredNetwork random_network(RandomDraws& draws, std::uint64_t number,
                                    std::uint32_t most_last_steps) {
  StoredNetwork network;
  network.identity = identity_of(number);
  network.axes = {draws.integer_of(63), draws.real(-9, 9), draws.chance(50),
                  std::string(draws.chance(50) ? "floor" : "nearest"), integers(draws, 4)};
  if (draws.chance(30)) network.axes[draws.between(0, 4)].reset();
  network.figures = {draws.real(0, 1), draws.chance(50) ? std::nan("") : draws.real(0, 1)};
  network.steps = static_cast<std::uint32_t>(draws.bits());
  network.right = draws.bits() >> 1;
  network.last_steps = static_cast<std::uint32_t>(draws.between(0, most_last_steps));
  network.last_right = Bits(network.last_steps);
  for (std::uint32_t i = 0; i < network.last_steps; ++i)
    if (draws.chance(50)) network.last_right.set(i);
  network.held_out = static_cast<std::uint32_t>(draws.bits());
  network.held_out_right = static_cast<std::uint32_t>(draws.bits());
  const bool with_weights = draws.chance(30);
  for (std::int64_t l = draws.between(1, 3); l > 0; --l) {
    network.layers.push_back({WideSum{draws.bits()} << 64 | draws.bits(), draws.bits()});
    if (with_weights) network.weights.push_back(integers(draws, 50));
  }
  network.weights_digest = draws.bits();
  network.engine = "cpu";
  network.device = "AVX2";
  network.seconds = draws.real(0, 10);
  return network;
}

inline bool same_reals(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

inline bool same(const StoredNetwork& a, const StoredNetwork& b, bool with_weights = true) {
  return a.identity == b.identity && a.axes == b.axes &&
         std::equal(a.figures.begin(), a.figures.end(), b.figures.begin(), b.figures.end(),
                    same_reals) &&
         a.steps == b.steps && a.right == b.right && a.last_steps == b.last_steps &&
         a.last_right == b.last_right && a.held_out == b.held_out &&
         a.held_out_right == b.held_out_right && a.layers == b.layers &&
         a.weights_digest == b.weights_digest && (!with_weights || a.weights == b.weights) &&
         a.engine == b.engine && a.device == b.device && same_reals(a.seconds, b.seconds);
}

inline bool same(const Networks& a, const Networks& b, bool with_weights = true) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second, with_weights);
  });
}

inline Networks networks_in(const NetworkStore& store, bool with_weights = true) {
  Networks networks;
  std::size_t visited = 0;
  store.visit(
      [&](StoredNetwork&& network) {
        ++visited;
        const std::string identity = network.identity;
        networks[identity] = std::move(network);
      },
      with_weights);
  EXPECT_EQ(visited, networks.size());
  return networks;
}

inline Networks by_identity(const std::vector<StoredNetwork>& networks) {
  Networks all;
  for (const StoredNetwork& network : networks) all[network.identity] = network;
  return all;
}

/// What the sqlite3 command would do.
inline void execute(const fs::path& file, const std::string& sql) {
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(connection);
  sqlite3_close(connection);
}

class NetworkStoreTest : public ::testing::Test {
 protected:
  NetworkStore created(const std::map<std::string, std::string>& notes = {}) const {
    NetworkStore store(directory(), Access::write);
    store.create(axes, figures, notes);
    return store;
  }
  /// A store at rest.
  std::vector<StoredNetwork> stored(int count, std::uint32_t most_last_steps = 300) {
    std::vector<StoredNetwork> networks;
    for (int n = 0; n < count; ++n) networks.push_back(random_network(draws, n, most_last_steps));
    created({{"configuration", "[train]\n"}}).add(networks);
    return networks;
  }
  const fs::path& directory() const { return scratch.path(); }
  fs::path file() const { return directory() / "networks.db"; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory()))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  /// What opening says.
  std::string refusal(Access access) const {
    return message_of<RequestError>([&] { NetworkStore(directory(), access); });
  }
  void expect_refused(const std::string& what) const {
    for (const Access access : {Access::read, Access::write}) {
      const std::string message = refusal(access);
      EXPECT_EQ(message.rfind(file().string() + ": ", 0), 0) << message;
      EXPECT_NE(message.find(what), std::string::npos) << message;
      EXPECT_NE(message.find("expected"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  const ScratchDirectory scratch{memory_directory()};
  RandomDraws draws{20};
};

/// Runs in a child that may be killed or have other rights; 0 is the status of one that returns.
inline int status_of_child(const std::function<void()>& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      ::_exit(1);
    }
    ::_exit(::testing::Test::HasFailure() ? 2 : 0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace gridrun
