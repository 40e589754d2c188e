#include "results/network_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/message_text.hpp"
#include "base/sqlite.hpp"
#include "gridrun/error.hpp"
#include "results/store_file.hpp"
#include "results/store_tables.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

/// Runs `action`; what SQLite refuses becomes one line that names the file.
template <typename Refusal, typename Action>
auto naming(const fs::path& file, const char* deed, Action&& action) {
  try {
    return action();
  } catch (const sqlite::Error& error) {
    const std::string why = excerpt(error.what(), 300);
    if (error.is_of_damage)
      throw Refusal(fmt::format(
          "{}: is damaged: {}; expected the networks as gridrun wrote them: restore a copy, or "
          "remove it",
          path_text(file), why));
    throw Refusal(fmt::format("{}: cannot be {}: {}", path_text(file), deed, why));
  }
}

}  // namespace

struct NetworkStore::Open {
  Open(const fs::path& directory, Access access)
      : file(store_file_in(directory)), database(open_store_file(directory, access)) {
    {
      const sqlite::Transaction snapshot(database, sqlite::Transaction::Kind::read);
      if (is_store(database)) tables.emplace(database);
      if (access == Access::write) check_pages(database);
    }
    if (access == Access::write) prepare_to_write(database);
  }

  void commit() {
    if (replacing) replacing->commit();
    replacing.reset();
  }

  fs::path file;
  sqlite::Database database;
  std::unique_ptr<sqlite::Transaction> replacing;  // of create(), where it is not yet committed
  std::optional<StoreTables> tables;               // none: the store is new
};

NetworkStore::NetworkStore(const fs::path& directory, Access access)
    : open_(naming<RequestError>(store_file_in(directory), "used",
                                 [&] { return std::make_unique<Open>(directory, access); })) {}

NetworkStore::~NetworkStore() = default;
NetworkStore::NetworkStore(NetworkStore&&) noexcept = default;
NetworkStore& NetworkStore::operator=(NetworkStore&&) noexcept = default;

double NetworkStore::memory_needed(const fs::path& directory, double bytes_of_networks) {
  std::error_code missing;
  const auto there = static_cast<double>(fs::file_size(store_file_in(directory), missing));
  return std::min<double>(store_cache_bytes, 2 * bytes_of_networks + (missing ? 0 : there));
}

bool NetworkStore::is_in(const fs::path& directory) { return has_store_file(directory); }

void NetworkStore::remove(const fs::path& directory) { remove_store_file(directory); }

const fs::path& NetworkStore::file() const { return open_->file; }

bool NetworkStore::is_new() const { return !open_->tables; }

void NetworkStore::create(const std::vector<StoredAxis>& axes,
                          const std::vector<std::string>& figures,
                          const std::map<std::string, std::string>& notes) {
  naming<RunError>(open_->file, "created", [&] {
    auto transaction =
        std::make_unique<sqlite::Transaction>(open_->database, sqlite::Transaction::Kind::write);
    const bool has_networks = open_->tables && open_->tables->totals().networks != 0;
    open_->tables.reset();
    StoreTables::create(open_->database, {axes, figures}, notes);
    if (has_networks)
      open_->replacing = std::move(transaction);
    else
      transaction->commit();
    open_->tables.emplace(open_->database);
  });
}

void NetworkStore::keep() {
  naming<RunError>(open_->file, "written", [&] { open_->commit(); });
}

const std::vector<StoredAxis>& NetworkStore::axes() const {
  static const std::vector<StoredAxis> none;
  return is_new() ? none : open_->tables->columns().axes;
}

const std::vector<std::string>& NetworkStore::figures() const {
  static const std::vector<std::string> none;
  return is_new() ? none : open_->tables->columns().figures;
}

std::optional<std::string> NetworkStore::note(const std::string& name) const {
  if (is_new()) return std::nullopt;
  return naming<RequestError>(open_->file, "read", [&] { return open_->tables->note(name); });
}

void NetworkStore::set_note(const std::string& name, const std::string& value) {
  naming<RunError>(open_->file, "written", [&] { open_->tables.value().set_note(name, value); });
}

void NetworkStore::add(const std::vector<StoredNetwork>& networks) {
  naming<RunError>(open_->file, "written", [&] {
    if (!open_->database.is_in_place())
      throw sqlite::Error("it was moved, removed or replaced while it was open", false);
    open_->tables.value().add(networks);
    open_->commit();
  });
}

void NetworkStore::set_figures(
    const std::function<std::vector<double>(const StoredNetwork&)>& figures_of) {
  naming<RunError>(open_->file, "written", [&] { open_->tables.value().set_figures(figures_of); });
}

std::vector<HeldNetwork> NetworkStore::held() const {
  if (is_new()) return {};
  return naming<RequestError>(open_->file, "read", [&] { return open_->tables->held(); });
}

void NetworkStore::visit(const std::function<void(StoredNetwork&&)>& visit,
                         bool with_weights) const {
  if (is_new()) return;
  naming<RequestError>(open_->file, "read", [&] { open_->tables->visit(visit, with_weights); });
}

std::optional<StoredNetwork> NetworkStore::find(const std::string& identity) const {
  if (is_new()) return std::nullopt;
  return naming<RequestError>(open_->file, "read", [&] { return open_->tables->find(identity); });
}

std::size_t NetworkStore::size() const {
  if (is_new()) return 0;
  return naming<RequestError>(open_->file, "read",
                              [&] { return std::size_t{open_->tables->totals().networks}; });
}

}  // namespace gridrun
