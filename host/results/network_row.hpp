// The table `networks` of networks.db: its columns, and a network as a row of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.hpp"
#include "results/stored_columns.hpp"
#include "results/stored_network.hpp"

namespace gridrun {

/// The cells of a network in the order of the columns. A row that was read without the weights ends
/// before them, the last column.
using NetworkRow = std::vector<sqlite::Cell>;

/// The 64-bit XXH3 of a text.
std::uint64_t checksum_of_text(std::string_view text, std::uint64_t seed = 0);

class RowFormat {
 public:
  explicit RowFormat(StoredColumns columns);

  const StoredColumns& columns() const { return columns_; }

  /// The SQL that makes the table, to the letter.
  std::string table_sql() const;
  /// Names of all columns as SQL lists them.
  std::string names(bool with_weights) const;
  /// How many columns there are, the weights included.
  std::size_t width() const { return 1 + axes() + figures() + 15; }

  /// Throws std::invalid_argument where the network has not the columns' axes and figures, or is
  /// not what StoredNetwork says.
  NetworkRow row_of(const StoredNetwork& network) const;
  /// Throws sqlite::Error where the row has not its checksums.
  StoredNetwork network_of(const NetworkRow& row) const;

  /// "name" = ?number of all that set_figures() changes, numbered from `first`.
  std::string figure_assignments(int first) const;
  /// The cells for these parameters: the figures, and the checksum of the row with them.
  std::vector<sqlite::Cell> set_figures(NetworkRow row, const std::vector<double>& figures) const;

  // Of a row that network_of() took.
  std::int64_t checksum_in(const NetworkRow& row) const;
  bool has_weights(const NetworkRow& row) const;

 private:
  struct Column {
    std::string name;
    const char* type;
  };

  std::size_t axes() const { return columns_.axes.size(); }
  std::size_t figures() const { return columns_.figures.size(); }
  std::size_t checksum_place() const { return width() - 2; }
  std::int64_t computed_checksum(const NetworkRow& row) const;

  StoredColumns columns_;
  std::vector<Column> all_;
};

}  // namespace gridrun
