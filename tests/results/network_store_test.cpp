#include "results/network_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "draws.hpp"
#include "gridrun/error.hpp"
#include "message_of.hpp"
#include "peak_memory.hpp"
#include "scratch_directory.hpp"

namespace gridrun {
namespace {

namespace fs = std::filesystem;
using Access = NetworkStore::Access;
using Networks = std::map<std::string, StoredNetwork>;  // by identity

const std::vector<StoredAxis> axes = {{"lr", ValueKind::integer},
                                      {"init.std", ValueKind::real},
                                      {"network.bias", ValueKind::boolean},
                                      {"precision.round", ValueKind::text},
                                      {"network.layers", ValueKind::integers}};
const std::vector<std::string> figures = {"accuracy", "held_out_accuracy"};

std::string identity_of(std::uint64_t number) {
  char text[33];
  std::snprintf(text, sizeof text, "%032llx", static_cast<unsigned long long>(number));
  return text;
}

std::vector<std::int64_t> integers(RandomDraws& draws, std::int64_t most_count) {
  std::vector<std::int64_t> values(draws.between(0, most_count));
  for (auto& value : values) value = static_cast<std::int64_t>(draws.bits());
  return values;
}

StoredNetwork random_network(RandomDraws& draws, std::uint64_t number,
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

bool same_reals(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool same(const StoredNetwork& a, const StoredNetwork& b, bool with_weights = true) {
  return a.identity == b.identity && a.axes == b.axes &&
         std::equal(a.figures.begin(), a.figures.end(), b.figures.begin(), b.figures.end(),
                    same_reals) &&
         a.steps == b.steps && a.right == b.right && a.last_steps == b.last_steps &&
         a.last_right == b.last_right && a.held_out == b.held_out &&
         a.held_out_right == b.held_out_right && a.layers == b.layers &&
         a.weights_digest == b.weights_digest && (!with_weights || a.weights == b.weights) &&
         a.engine == b.engine && a.device == b.device && same_reals(a.seconds, b.seconds);
}

bool same(const Networks& a, const Networks& b, bool with_weights = true) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second, with_weights);
  });
}

Networks networks_in(const NetworkStore& store, bool with_weights = true) {
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

Networks by_identity(const std::vector<StoredNetwork>& networks) {
  Networks all;
  for (const StoredNetwork& network : networks) all[network.identity] = network;
  return all;
}

/// What the sqlite3 command would do.
void execute(const fs::path& file, const std::string& sql) {
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
int status_of_child(const std::function<void()>& run) {
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

TEST_F(NetworkStoreTest, ReadsBackWhatWasAdded) {
  std::vector<StoredNetwork> networks(2);
  networks[0].identity = identity_of(0);
  networks[0].axes = {std::int64_t{0}, 50.0, false, std::string(), std::vector<std::int64_t>()};
  networks[0].figures = {std::nan(""), std::numeric_limits<double>::infinity()};
  networks[1].identity = identity_of(1);
  networks[1].axes = {std::numeric_limits<std::int64_t>::min(), -0.1, true,
                      "a 'b' \"c\" \xe2\x82\xac",
                      std::vector<std::int64_t>{784, -1, std::numeric_limits<std::int64_t>::max()}};
  networks[1].figures = {std::numeric_limits<double>::denorm_min(),
                         std::numeric_limits<double>::max()};
  networks[1].steps = std::numeric_limits<std::uint32_t>::max();
  networks[1].right = std::numeric_limits<std::uint64_t>::max();
  networks[1].last_steps = 65;
  networks[1].last_right = Bits(65);
  networks[1].last_right.set(0);
  networks[1].last_right.set(64);
  networks[1].layers = {{~WideSum{0}, 0}, {WideSum{1} << 127, (WideSum{1} << 64) + 1}, {}};
  networks[1].weights_digest = std::numeric_limits<std::uint64_t>::max();
  networks[1].weights = {{std::numeric_limits<std::int64_t>::min(), 7}, {}, {-1}};
  networks[1].engine = std::string("with\0null", 9);
  networks[1].device = "line\nbreak";
  networks[1].seconds = std::nan("");
  for (int n = 2; n < 100; ++n) networks.push_back(random_network(draws, n, 10'000));
  created().add(networks);
  for (const Access access : {Access::read, Access::write}) {
    const NetworkStore store(directory(), access);
    EXPECT_EQ(store.axes(), axes);
    EXPECT_EQ(store.figures(), figures);
    EXPECT_EQ(store.size(), networks.size());
    EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
    const Networks without = networks_in(store, false);
    EXPECT_TRUE(same(without, by_identity(networks), false));
    for (const auto& [identity, network] : without) EXPECT_TRUE(network.weights.empty());
    for (const StoredNetwork& network : networks) {
      const auto found = store.find(network.identity);
      ASSERT_TRUE(found);
      EXPECT_TRUE(same(*found, network));
    }
    EXPECT_FALSE(store.find(identity_of(100)));
    const Networks expected = by_identity(networks);
    EXPECT_EQ(store.held().size(), networks.size());
    for (const NetworkStore::Held& held : store.held()) {
      EXPECT_EQ(held.last_steps, expected.at(held.identity).last_steps);
      EXPECT_EQ(held.has_weights, !expected.at(held.identity).weights.empty());
    }
  }
}

TEST_F(NetworkStoreTest, KeepsTheSignOfNoZero) {  // SQLite has no -0: it must not look like damage
  StoredNetwork network = random_network(draws, 1, 10);
  network.axes[1] = -0.0;
  network.figures[0] = -0.0;
  network.seconds = -0.0;
  created().add({network});
  EXPECT_TRUE(same(*NetworkStore(directory(), Access::read).find(network.identity), network));
}

TEST_F(NetworkStoreTest, IsReadWithPlainSql) {
  StoredNetwork network = random_network(draws, 1, 10);
  network.axes = {std::int64_t{3}, 50.0, true, "floor", std::vector<std::int64_t>{784, 10}};
  network.figures = {0.5, std::nan("")};
  network.layers = {{WideSum{1} << 64, 2}};
  network.weights = {{1, -2}};
  network.weights_digest = 0xabc;
  created({{"configuration", "text"}}).add({network});
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &connection), SQLITE_OK);
  for (const auto& [expression, expected] : std::map<std::string, std::string>{
           {R"(identity)", identity_of(1)},
           {R"("lr" || typeof("lr"))", "3integer"},
           {R"("init.std" || typeof("init.std"))", "50.0real"},
           {R"("network.bias" || typeof("network.bias"))", "1integer"},
           {R"("precision.round")", "floor"},
           {R"("network.layers")", "[784,10]"},
           {R"("network.layers" ->> 1)", "10"},
           {R"(accuracy)", "0.5"},
           {R"(typeof(held_out_accuracy))", "null"},
           {R"(layers ->> '$[0].abs_update')", "18446744073709551616"},
           {R"(weights_digest)", "0000000000000abc"},
           {R"(hex(weights))", "0100000000000000FEFFFFFFFFFFFFFF"},
           {R"((SELECT value FROM notes WHERE name = 'configuration'))", "text"},
           {R"((SELECT user_version FROM pragma_user_version))", "2"},
           {R"((SELECT journal_mode FROM pragma_journal_mode))", "wal"}}) {
    sqlite3_stmt* statement = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(connection, ("SELECT " + expression + " FROM networks").c_str(),
                                 -1, &statement, nullptr),
              SQLITE_OK)
        << sqlite3_errmsg(connection);
    ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
    EXPECT_EQ(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)), expected);
    sqlite3_finalize(statement);
  }
  sqlite3_close(connection);
}

TEST_F(NetworkStoreTest, ReplacesANetworkOfTheSameIdentity) {
  std::vector<StoredNetwork> networks = stored(20);
  {
    NetworkStore store(directory(), Access::write);
    for (int n : {3, 7}) networks[n] = random_network(draws, n, 500);
    store.add({networks[3], random_network(draws, 7, 500), networks[7]});
    EXPECT_EQ(store.size(), 20);
    EXPECT_EQ(store.held().size(), 20);
  }
  EXPECT_TRUE(same(networks_in(NetworkStore(directory(), Access::read)), by_identity(networks)));
}

TEST_F(NetworkStoreTest, SetsTheFiguresOfAll) {
  std::vector<StoredNetwork> networks = stored(50);
  const auto figures_of = [](const StoredNetwork& network) {
    return std::vector<double>{network.steps / 3.0, network.held_out % 2 ? std::nan("") : 1.0};
  };
  NetworkStore store(directory(), Access::write);
  EXPECT_THROW(store.set_figures([&](const StoredNetwork& network) {
    if (network.identity == identity_of(30)) throw std::runtime_error("of the test");
    return figures_of(network);
  }),
               std::runtime_error);
  EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
  store.set_figures(figures_of);
  for (StoredNetwork& network : networks) network.figures = figures_of(network);
  EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
  EXPECT_EQ(store.held().size(), 50);
}

TEST_F(NetworkStoreTest, HasNotes) {
  const std::string long_text(100'000, 'x');
  NetworkStore store = created({{"configuration", "a = 1\n"}, {"'\"; --", ""}});
  store.set_note("long", long_text);
  store.set_note("configuration", "a = 2\n");
  const NetworkStore reader(directory(), Access::read);
  EXPECT_EQ(reader.note("configuration"), "a = 2\n");
  EXPECT_EQ(reader.note("'\"; --"), "");
  EXPECT_EQ(reader.note("long"), long_text);
  EXPECT_EQ(reader.note("other"), std::nullopt);
}

TEST_F(NetworkStoreTest, IsNewUntilItWasCreated) {
  {
    const NetworkStore store(directory(), Access::write);
    EXPECT_TRUE(store.is_new());
  }
  EXPECT_TRUE(NetworkStore::is_in(directory()));
  NetworkStore store(directory(), Access::write);
  EXPECT_TRUE(store.is_new());
  EXPECT_TRUE(store.axes().empty() && store.figures().empty() && store.held().empty());
  EXPECT_TRUE(networks_in(store).empty());
  EXPECT_EQ(store.size(), 0);
  EXPECT_EQ(store.note("configuration"), std::nullopt);
  EXPECT_FALSE(store.find(identity_of(1)));
  EXPECT_THROW(store.add({random_network(draws, 1, 10)}), std::bad_optional_access);
  store.create(axes, figures, {{"configuration", "x"}});
  EXPECT_FALSE(store.is_new());
  EXPECT_EQ(NetworkStore(directory(), Access::read).note("configuration"), "x");
}

TEST_F(NetworkStoreTest, ColumnsMayHaveAnyNameButThoseThatAreTaken) {
  const std::vector<StoredAxis> odd = {{"\"; DROP TABLE networks; --", ValueKind::text},
                                       {"a b'c\n", ValueKind::integer},
                                       {"select", ValueKind::integers},
                                       {"[x]`y`", ValueKind::boolean}};
  StoredNetwork network = random_network(draws, 1, 10);
  network.axes = {"x", std::int64_t{1}, std::vector<std::int64_t>{2}, true};
  network.figures.resize(1);
  {
    NetworkStore store(directory(), Access::write);
    for (const char* taken : {"steps", "STEPS", "checksum", "x"}) {
      const std::string message = message_of<RunError>([&] {
        store.create({{taken, ValueKind::integer}}, {"x"}, {});
      });
      EXPECT_NE(message.find("cannot be created: duplicate column name"), std::string::npos);
      EXPECT_TRUE(store.is_new());
    }
    store.create(odd, {"?1"}, {});
    store.add({network});
    store.set_figures([](const StoredNetwork&) { return std::vector<double>{0.25}; });
    network.figures[0] = 0.25;
  }
  const NetworkStore store(directory(), Access::read);
  EXPECT_EQ(store.axes(), odd);
  EXPECT_TRUE(same(*store.find(network.identity), network));
}

TEST_F(NetworkStoreTest, RefusesNetworksOfOtherColumns) {
  NetworkStore store = created();
  const StoredNetwork good = random_network(draws, 1, 10);
  const auto expect_bad = [&](const std::function<void(StoredNetwork&)>& change) {
    StoredNetwork bad = random_network(draws, 2, 10);
    change(bad);
    EXPECT_THROW(store.add({good, bad}), std::invalid_argument);
    EXPECT_EQ(store.size(), 0);
  };
  expect_bad([](StoredNetwork& network) { network.axes.pop_back(); });
  expect_bad([](StoredNetwork& network) { network.axes[1] = std::int64_t{1}; });
  expect_bad([](StoredNetwork& network) { network.figures.push_back(1); });
  expect_bad([](StoredNetwork& network) { network.identity.back() = 'g'; });
  expect_bad([](StoredNetwork& network) { network.identity.pop_back(); });
  expect_bad([](StoredNetwork& network) { network.last_steps += 64; });
  expect_bad([](StoredNetwork& network) { network.weights.resize(7); });
  store.add({good});
  EXPECT_EQ(networks_in(store).size(), 1);
}

TEST_F(NetworkStoreTest, AtRestIsOneFile) {
  stored(100);
  EXPECT_EQ(names(), std::vector<std::string>{"networks.db"});
  networks_in(NetworkStore(directory(), Access::read));
  EXPECT_EQ(names(), std::vector<std::string>{"networks.db"});
}

TEST_F(NetworkStoreTest, IsRemovedWhole) {
  NetworkStore::remove(directory());
  std::vector<StoredNetwork> networks{random_network(draws, 1, 10)};
  const ScratchDirectory copy(memory_directory());
  {
    NetworkStore store = created();
    store.add(networks);
    ASSERT_EQ(names().size(), 3);  // networks.db-wal and -shm beside it
    for (const std::string& name : names()) fs::copy(directory() / name, copy.path() / name);
  }
  NetworkStore::remove(copy.path());
  EXPECT_TRUE(fs::is_empty(copy.path()));
  EXPECT_FALSE(NetworkStore::is_in(copy.path()));
  fs::create_directories(copy.path() / "networks.db/in");
  const std::string message = message_of<RunError>([&] { NetworkStore::remove(copy.path()); });
  EXPECT_NE(message.find("networks.db: cannot be removed: Is a directory"), std::string::npos);
}

TEST_F(NetworkStoreTest, IsReadWhileItIsWritten) {
  std::vector<StoredNetwork> networks = stored(300);
  NetworkStore writer(directory(), Access::write);
  const NetworkStore reader(directory(), Access::read);
  Networks seen;
  reader.visit(
      [&](StoredNetwork&& network) {  // one moment, whatever comes meanwhile
        const int n = 300 + static_cast<int>(seen.size());
        seen.emplace(network.identity, network);
        writer.add({random_network(draws, n, 300), random_network(draws, n % 300, 300)});
      },
      true);
  EXPECT_TRUE(same(seen, by_identity(networks)));
  EXPECT_EQ(reader.size(), 600);
  EXPECT_TRUE(same(networks_in(reader), networks_in(writer)));
}

TEST_F(NetworkStoreTest, IsReadByManyWhileOthersWrite) {
  created();
  constexpr int writers = 2, each = 60;
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      RandomDraws own(w);
      NetworkStore store(directory(), Access::write);
      for (int n = 0; n < each; ++n) store.add({random_network(own, w * each + n, 300)});
    });
  std::size_t before = 0;
  while (before < writers * each) {
    const NetworkStore store(directory(), Access::read);
    const std::size_t now = networks_in(store).size();
    ASSERT_GE(now, before);
    before = now;
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(NetworkStoreTest, AReaderMakesNoFiles) {
  const std::string message = refusal(Access::read);
  EXPECT_EQ(message, file().string() + ": cannot be used: No such file or directory");
  EXPECT_TRUE(names().empty());
}

TEST_F(NetworkStoreTest, IsReadWhereNothingMayBeWritten) {
  const std::vector<StoredNetwork> networks = stored(50);
  ASSERT_EQ(::chmod(file().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(directory().c_str(), 0555), 0);
  const int status = status_of_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) throw std::runtime_error("still root");
    const NetworkStore store(directory(), Access::read);
    EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
    EXPECT_EQ(store.held().size(), networks.size());
    EXPECT_EQ(refusal(Access::write), file().string() + ": cannot be used: it may only be read");
  });
  ::chmod(directory().c_str(), 0755);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(names(), std::vector<std::string>{"networks.db"});
}

TEST_F(NetworkStoreTest, IsReadWhereAnotherUserWritesIt) {
  NetworkStore store = created();
  store.add({random_network(draws, 1, 10)});
  ASSERT_EQ(::chmod(directory().c_str(), 0555), 0);
  for (const std::string& name : names()) ::chmod((directory() / name).c_str(), 0444);
  const int status = status_of_child([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) throw std::runtime_error("still root");
    EXPECT_EQ(networks_in(NetworkStore(directory(), Access::read)).size(), 1);
  });
  ::chmod(directory().c_str(), 0755);
  EXPECT_EQ(status, 0);
}

TEST_F(NetworkStoreTest, RefusesWhatItMayNotReadOrMake) {
  stored(3);
  const fs::path locked = directory() / "locked";
  fs::create_directory(locked);
  ASSERT_EQ(::chmod(directory().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(locked.c_str(), 0555), 0);
  ASSERT_EQ(::chmod(file().c_str(), 0), 0);
  EXPECT_EQ(status_of_child([&] {
              if (::geteuid() == 0 && ::setuid(65534) != 0) throw std::runtime_error("still root");
              for (const Access access : {Access::read, Access::write})
                EXPECT_EQ(refusal(access), file().string() +
                                               ": cannot be used: unable to open database file "
                                               "(Permission denied)");
              EXPECT_EQ(message_of<RequestError>([&] { NetworkStore(locked, Access::write); }),
                        (locked / "networks.db").string() + ": cannot be used: Permission denied");
            }),
            0);
}

TEST_F(NetworkStoreTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0666), 0);
  expect_refused("it is not a file");
  fs::remove(file());
  fs::create_directory(file());
  expect_refused("it is not a file");
  fs::remove(file());
  fs::create_symlink("/dev/zero", file());
  expect_refused("it is not a file");
}

TEST_F(NetworkStoreTest, RefusesOtherFiles) {
  scratch.write("networks.db", "lr,accuracy\n3,0.5\n");
  expect_refused("file is not a database");
  scratch.write("networks.db", std::string(100'000, 'x'));
  expect_refused("file is not a database");
  scratch.write("networks.db", std::string(100'000, '\0'));
  expect_refused("file is not a database");
}

TEST_F(NetworkStoreTest, RefusesOtherDatabasesAndLeavesThemAsTheyWere) {
  const auto expect_left = [&](const std::string& what) {
    const std::string before = contents_of(file());
    expect_refused(what);
    EXPECT_EQ(contents_of(file()), before);
    EXPECT_EQ(names(), std::vector<std::string>{"networks.db"});
  };
  execute(file(), "CREATE TABLE networks (identity TEXT)");
  expect_left("another program");
  fs::remove(file());
  execute(file(), "PRAGMA user_version = 2; CREATE TABLE t (x); DROP TABLE t");
  expect_left("another program");
  fs::remove(file());
  stored(3);
  execute(file(), "PRAGMA user_version = 3");
  expect_left("it is of version 3; expected version 2");
  execute(file(), "PRAGMA user_version = 2; PRAGMA application_id = 77");
  expect_left("another program");
}

TEST_F(NetworkStoreTest, NoticesWhatOthersChanged) {
  stored(20);
  const std::string whole = contents_of(file());
  const auto expect_noticed = [&](const std::string& sql, const std::string& what) {
    scratch.write("networks.db", whole);
    execute(file(), sql);
    for (const Access access : {Access::read, Access::write}) {
      const std::string message = message_of<RequestError>([&] {
        const NetworkStore store(directory(), access);
        store.note("configuration");
        networks_in(store);
      });
      EXPECT_EQ(message.rfind(file().string() + ": is damaged: " + what, 0), 0) << message;
    }
  };
  const std::string one = "WHERE identity = '" + identity_of(7) + "'";
  const std::string of_one = "the network " + identity_of(7) + " does not have ";
  expect_noticed("UPDATE networks SET lr = lr + 1 " + one, of_one + "its checksum");
  expect_noticed("UPDATE networks SET seconds = 1000 " + one, of_one + "its checksum");
  expect_noticed("UPDATE networks SET engine = 'gpu' " + one, of_one + "its checksum");
  expect_noticed("UPDATE networks SET checksum = checksum + 1 " + one, of_one + "its checksum");
  expect_noticed("UPDATE networks SET weights = x'00' " + one,
                 of_one + "the checksum of its weights");
  expect_noticed("DELETE FROM networks " + one, "there are 19 networks of 20");
  expect_noticed("UPDATE notes SET value = 'x' WHERE name = 'configuration'",
                 "the note configuration does not have its checksum");
  expect_noticed("DELETE FROM notes WHERE name = 'store.totals'", "there is no note store.totals");
  expect_noticed("DELETE FROM notes WHERE name = 'store.columns'",
                 "there is no note store.columns");
  expect_noticed("ALTER TABLE networks RENAME COLUMN lr TO x", "its table networks is another");
  expect_noticed("DROP TABLE networks", "its table networks is another");
}

TEST_F(NetworkStoreTest, ATransactionThatWasLostIsNoticed) {  // a disk that kept an old row
  std::vector<StoredNetwork> networks = stored(1);
  const std::string old = contents_of(file());
  execute(file(), "CREATE TABLE old AS SELECT * FROM networks");
  NetworkStore(directory(), Access::write).add({random_network(draws, 0, 300)});
  execute(file(), "INSERT OR REPLACE INTO networks SELECT * FROM old");
  const NetworkStore store(directory(), Access::read);
  EXPECT_NE(message_of<RequestError>([&] { networks_in(store); }).find("not those that were added"),
            std::string::npos);
}

/// Opens, reads all in each way, and expects either a refusal or exactly the networks; returns
/// whether it was refused.
bool refused_or_same(const fs::path& directory, const Networks& expected) {
  bool refused = true;
  for (const Access access : {Access::read, Access::write}) {
    try {
      const NetworkStore store(directory, access);
      EXPECT_EQ(store.axes(), axes);
      EXPECT_EQ(store.figures(), figures);
      EXPECT_TRUE(same(networks_in(store), expected));
      EXPECT_EQ(store.note("configuration"), "[train]\n");
      const auto held = store.held();
      EXPECT_EQ(held.size(), expected.size());
      for (const NetworkStore::Held& one : held) {
        EXPECT_EQ(one.last_steps, expected.at(one.identity).last_steps);
        EXPECT_EQ(one.has_weights, !expected.at(one.identity).weights.empty());
        const auto found = store.find(one.identity);
        EXPECT_TRUE(found && same(*found, expected.at(one.identity)));
      }
      refused = false;
    } catch (const RequestError& error) {
      EXPECT_EQ(std::string(error.what()).rfind((directory / "networks.db").string() + ": ", 0), 0)
          << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  return refused;
}

TEST_F(NetworkStoreTest, ABytesDamageIsSaidOrHarmless) {
  const Networks networks = by_identity(stored(40, 2000));
  const std::string whole = contents_of(file());
  int refused = 0;
  constexpr int rounds = 1000;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    std::string damaged = whole;
    // Half of the damage falls into the headers and lists of cells at the pages' beginnings.
    const std::size_t page = draws.between(0, std::ssize(whole) / 4096 - 1) * 4096;
    const std::size_t place = draws.chance(50) ? page + draws.between(0, page == 0 ? 300 : 40)
                                               : draws.between(0, std::ssize(whole) - 1);
    damaged[place] = static_cast<char>(damaged[place] ^ draws.between(1, 255));
    NetworkStore::remove(directory());
    scratch.write("networks.db", damaged);
    refused += refused_or_same(directory(), networks);
    if (HasFailure()) ADD_FAILURE() << "byte " << place << " of page " << page / 4096;
  }
  EXPECT_GT(refused, rounds / 4);  // the others fell on what is unused
}

TEST_F(NetworkStoreTest, AFileCutShortIsRefused) {  // to one byte or none, it is new
  const Networks networks = by_identity(stored(40, 2000));
  const std::string whole = contents_of(file());
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    const std::size_t length = round < 100   ? 2 + round * 5
                               : round < 200 ? whole.size() - 1 - draws.between(0, 5000)
                                             : draws.between(1, std::ssize(whole) - 1);
    NetworkStore::remove(directory());
    scratch.write("networks.db", whole.substr(0, length));
    refused_or_same(directory(), networks);
    if (HasFailure()) ADD_FAILURE() << "cut to " << length << " of " << whole.size();
  }
}

TEST_F(NetworkStoreTest, DamageToWhatIsBesideItLosesWholeTransactionsAtMost) {
  const ScratchDirectory copy(memory_directory());
  std::vector<Networks> states(1);
  {
    NetworkStore store = created({{"configuration", "[train]\n"}});
    for (int n = 0; n < 20; ++n) {
      const StoredNetwork network = random_network(draws, n, 2000);
      store.add({network});
      states.push_back(states.back());
      states.back()[network.identity] = network;
    }
    for (const std::string& name : names()) fs::copy(directory() / name, copy.path() / name);
  }
  const std::string log = contents_of(copy.path() / "networks.db-wal");
  const std::string database = contents_of(copy.path() / "networks.db");
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    std::string damaged = log;
    damaged[draws.between(0, std::ssize(log) - 1)] ^= static_cast<char>(draws.between(1, 255));
    if (round % 3 == 0) damaged.resize(draws.between(0, std::ssize(log)));
    NetworkStore::remove(directory());
    scratch.write("networks.db", database);
    scratch.write("networks.db-wal", damaged);
    const NetworkStore store(directory(), Access::write);
    EXPECT_TRUE(same(networks_in(store), states[store.size()])) << store.size();
  }
}

TEST_F(NetworkStoreTest, AKilledWriterLeavesWholeTransactions) {
  constexpr int per_transaction = 20;
  const auto transaction = [](std::uint64_t t) {
    RandomDraws own(static_cast<std::uint32_t>(t));
    std::vector<StoredNetwork> networks;
    for (int n = 0; n < per_transaction; ++n)
      networks.push_back(random_network(own, t * per_transaction + n, 3000));
    return networks;
  };
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        NetworkStore store(directory(), Access::write);
        if (store.is_new()) store.create(axes, figures, {{"configuration", "[train]\n"}});
        for (std::uint64_t t = store.size() / per_transaction;; ++t) {
          store.add(transaction(t));
          const std::uint64_t done = t + 1;
          if (::write(ends[1], &done, sizeof done) != sizeof done) ::_exit(1);
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "in the child: %s\n", error.what());
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    ::usleep(static_cast<useconds_t>(draws.between(0, round < 10 ? 5'000 : 60'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    std::uint64_t done = 0;
    while (::read(ends[0], &done, sizeof done) == sizeof done) {
    }
    ::close(ends[0]);
    if (!NetworkStore::is_in(directory())) continue;
    // A reader finds it as it was left, or the next writer does.
    const NetworkStore store(directory(), round % 2 == 0 ? Access::read : Access::write);
    const std::size_t count = store.size();
    EXPECT_GE(count, done * per_transaction);
    EXPECT_EQ(count % per_transaction, 0);
    Networks expected;
    for (std::uint64_t t = 0; t < count / per_transaction; ++t)
      expected.merge(by_identity(transaction(t)));
    EXPECT_TRUE(same(networks_in(store), expected));
    EXPECT_EQ(store.held().size(), count);
    if (!store.is_new()) {
      EXPECT_EQ(store.note("configuration"), "[train]\n");
    }
  }
  EXPECT_GT(NetworkStore(directory(), Access::read).size(), 0);
}

TEST_F(NetworkStoreTest, AFullDiskLosesNothing) {
  std::vector<StoredNetwork> networks = stored(20);
  const rlim_t size = static_cast<rlim_t>(fs::file_size(file()));
  EXPECT_EQ(status_of_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              NetworkStore store(directory(), Access::write);
              const rlimit limit{size + 100'000, RLIM_INFINITY};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              const std::string message = message_of<RunError>([&] {
                for (;;) {
                  std::vector<StoredNetwork> more;
                  for (int n = 0; n < 10; ++n)
                    more.push_back(random_network(draws, networks.size() + n, 3000));
                  store.add(more);
                  networks.insert(networks.end(), more.begin(), more.end());
                }
              });
              EXPECT_EQ(message.rfind(file().string() + ": cannot be written: ", 0), 0) << message;
              EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
              const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
              ::setrlimit(RLIMIT_FSIZE, &none);
              networks.push_back(random_network(draws, networks.size(), 3000));
              store.add({networks.back()});
              EXPECT_TRUE(same(networks_in(store), by_identity(networks)));
              EXPECT_GT(networks.size(), 21);
            }),
            0);
  EXPECT_GT(networks_in(NetworkStore(directory(), Access::read)).size(), 21);
}

TEST_F(NetworkStoreTest, ALockedStoreIsWaitedFor) {
  NetworkStore store = created();
  std::thread other;
  {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &connection), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(connection, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    other = std::thread([connection] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      sqlite3_close(connection);
    });
  }
  store.add({random_network(draws, 1, 10)});
  other.join();
  EXPECT_EQ(store.size(), 1);
}

TEST_F(NetworkStoreTest, AVisitHoldsOneNetworkAtATime) {
  constexpr std::uint64_t count = 100'000;
  {
    NetworkStore store = created();
    std::vector<StoredNetwork> some;
    for (std::uint64_t n = 0; n < count; ++n) {
      StoredNetwork network = random_network(draws, n, 0);
      network.weights.clear();
      some.push_back(std::move(network));
      if (some.size() < 10'000) continue;
      store.add(some);
      some.clear();
    }
  }
  std::size_t visited = 0;
  const auto visit = [&] {
    NetworkStore(directory(), Access::read).visit([&](StoredNetwork&&) { ++visited; }, true);
  };
  if (!GRIDRUN_SANITIZED) {
    EXPECT_LT(peak_growth(visit), 8 << 20);
  }
  EXPECT_GT(fs::file_size(file()), 24 << 20);
  visit();
  EXPECT_EQ(visited, count);
}

}  // namespace
}  // namespace gridrun
