#include "results/network_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "peak_memory.hpp"
#include "results/stored_networks.hpp"
#include "sanitizers.hpp"

namespace gridrun {
namespace {

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
