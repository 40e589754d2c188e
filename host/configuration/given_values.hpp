// The values that a configuration file and its overrides give, each with its place for messages.
#pragma once

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gridrun {

/// All that fails throws RequestError: place, key, value, and what was expected.
class GivenValues {
 public:
  /// `root` outlives this; `source` stands for the file in messages.
  GivenValues(const toml::table& root, std::string source);

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

  /// "file.toml:12: ", "--set KEY=VALUE: " or, for a key that is not given, nothing.
  std::string place(const std::string& key) const;

  const toml::node* find(const std::string& key) const { return root_.at_path(key).node(); }
  bool has(const std::string& key) const { return find(key) != nullptr; }

  // Of a key that is given.
  std::string text(const std::string& key) const;
  double real(const std::string& key) const;
  bool boolean(const std::string& key) const;
  std::int64_t integer(const std::string& key, std::int64_t least, std::int64_t most) const;

  /// One of the names.
  std::string choice(const std::string& key, const std::vector<std::string>& names) const;

  /// A list of at least `length` integers.
  std::vector<std::int64_t> integers(const std::string& key, std::size_t length,
                                     const std::string& expected, std::int64_t least,
                                     std::int64_t most) const;

  /// A list of rising integers, an integer alone, or a range { from, to } with both ends, which are
  /// those of `otherwise` where they are not given.
  std::vector<int> axis(const std::string& key, int least, int most,
                        const std::vector<int>& otherwise) const;

  /// Refuses every key but these. Tables are the parts before their dots.
  void refuse_all_but(const std::vector<std::string>& known) const;

 private:
  std::int64_t as_integer(const std::string& key, const toml::node& node, std::int64_t least,
                          std::int64_t most) const;
  void refuse_unknown(const toml::table& table, const std::string& prefix,
                      const std::vector<std::string>& known) const;

  const toml::table& root_;
  std::string source_;
};

}  // namespace gridrun
