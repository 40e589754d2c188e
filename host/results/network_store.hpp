// networks.db: every finished network of a sweep, in one SQLite table.
//
// While a store is open, its process must not open and close networks.db by other means: that would
// let go of SQLite's locks (a trait of POSIX's).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "results/store_access.hpp"
#include "results/stored_columns.hpp"
#include "results/stored_network.hpp"

namespace gridrun {

/// One connection to DIR/networks.db, of one thread at a time. What was added survives a loss of
/// power. Everything that is read was checked: a row against its checksum, all rows together
/// against totals. Errors are one line that names the file.
///
/// What the constructor and members that are const throw is RequestError: the file is none of ours,
/// of another version, damaged, or cannot be read. What the others throw is RunError; they leave in
/// the store what was there.
class NetworkStore {
 public:
  using Access = StoreAccess;
  using Held = HeldNetwork;

  /// With `write` the file is made where it is missing, and is checked whole before it is written.
  /// With `read` it must be there; another process may be writing it, and each call sees what was
  /// added until then.
  NetworkStore(const std::filesystem::path& directory, Access access);
  ~NetworkStore();
  NetworkStore(NetworkStore&&) noexcept;
  NetworkStore& operator=(NetworkStore&&) noexcept;

  /// Bytes that a store takes at most while it is open and is given so many bytes of networks.
  static double memory_needed(const std::filesystem::path& directory, double bytes_of_networks);

  /// Whether there is something of that name, whatever it is.
  static bool is_in(const std::filesystem::path& directory);
  /// Removes the file and what SQLite keeps beside it, if they are there. Throws RunError.
  static void remove(const std::filesystem::path& directory);

  const std::filesystem::path& file() const;

  /// Whether create() is still to be called. A new store has no axes, notes and networks.
  bool is_new() const;

  /// Makes the tables and the first notes, together; before it, nothing can be put in. Where there
  /// are networks, of which the store will have none then, they stay on the disk until the first of
  /// the new ones are added, or keep() is called.
  void create(const std::vector<StoredAxis>& axes, const std::vector<std::string>& figures,
              const std::map<std::string, std::string>& notes);

  const std::vector<StoredAxis>& axes() const;
  const std::vector<std::string>& figures() const;

  /// Texts about the whole of it. Names that begin with "store." are the store's own.
  std::optional<std::string> note(const std::string& name) const;
  void set_note(const std::string& name, const std::string& value);

  /// Makes what create() replaces be gone.
  void keep();

  /// All of them or, if it throws, none. Throws as well where the file is no longer at its path.
  /// One of the same identity is replaced. Throws std::invalid_argument where a network has other
  /// axes or figures than the store.
  void add(const std::vector<StoredNetwork>& networks);

  /// Computes the figures of all networks anew, together. Throws what the function throws. The
  /// networks are without their weights.
  void set_figures(const std::function<std::vector<double>(const StoredNetwork&)>& figures_of);

  /// What there is, of all networks.
  std::vector<Held> held() const;

  /// All networks as they were at one moment, one at a time. Throws what `visit` throws, and, after
  /// the last, where any are missing or not as they were added: only then are they known to be all.
  /// `visit` must not use this store.
  void visit(const std::function<void(StoredNetwork&&)>& visit, bool with_weights) const;

  /// With its weights, if it has any.
  std::optional<StoredNetwork> find(const std::string& identity) const;

  std::size_t size() const;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace gridrun
