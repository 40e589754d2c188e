#include "write_results.hpp"

#include "atomic_file.hpp"
#include "grid_csv.hpp"
#include "npz_file.hpp"

namespace gridrun {
namespace fs = std::filesystem;
namespace {

void write_npz(const fs::path& path, const GridResult& result) {
  NpzFile npz(path);
  const auto figure = [&](const char* name, double CellResult::*member) {
    std::vector<double> values;
    values.reserve(result.cells.size());
    for (const CellResult& cell : result.cells) values.push_back(cell.*member);
    npz.add(name, {result.lr.size(), result.fraction.size()}, values);
  };
  figure("accuracy", &CellResult::accuracy);
  figure("mean_update", &CellResult::mean_update);
  figure("mean_error", &CellResult::mean_error);
  npz.add("learning_rates", {result.lr.begin(), result.lr.end()});
  npz.add("fractions", {result.fraction.begin(), result.fraction.end()});
  npz.close();
}

}  // namespace

void write_results(const fs::path& directory, const GridResult& result,
                   const std::function<std::string()>& run_record) {
  AtomicFile csv(directory / "grid.csv",
                 [&](const fs::path& path) { write_file(path, grid_csv(result)); });
  AtomicFile npz(directory / "grid.npz", [&](const fs::path& path) { write_npz(path, result); });
  AtomicFile json(directory / "run.json",
                  [&](const fs::path& path) { write_file(path, run_record()); });
  // run.json goes first and comes back last, so that it never stands beside another run's grid.
  fs::remove(directory / "run.json");
  csv.commit();
  npz.commit();
  json.commit();
}

}  // namespace gridrun
