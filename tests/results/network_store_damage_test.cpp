// Stores that were damaged or changed by others, whose writers were killed, whose disks are full.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "results/stored_networks.hpp"

namespace gridrun {
namespace {

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

}  // namespace
}  // namespace gridrun
