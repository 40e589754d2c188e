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

  /// One value alone, as that of `key`; messages call it `shown`. `node` outlives this.
  GivenValues(const toml::node& node, std::string key, std::string shown, std::string source);

  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

  /// The same of a part of what is given for `key`.
  [[noreturn]] void fail(const toml::node& node, const std::string& key,
                         const std::string& expected) const;

  /// "file.toml:12: ", "--set KEY=VALUE: " or, for a key that is not given, nothing.
  std::string place(const std::string& key) const;

  const std::string& source() const { return source_; }
  const toml::node* find(const std::string& key) const;
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

  /// Refuses every key but these. Tables are the parts before their dots.
  void refuse_all_but(const std::vector<std::string>& known) const;

 private:
  std::int64_t as_integer(const std::string& key, const toml::node& node, std::int64_t least,
                          std::int64_t most) const;
  /// Of keys in quotes: `grid.train.seed` is not `grid."train.seed"`.
  void refuse_unquoted(const std::vector<std::string>& known) const;
  void refuse_unknown(const toml::table& table, const std::string& prefix,
                      const std::vector<std::string>& known) const;

  const toml::table* root_ = nullptr;
  const toml::node* alone_ = nullptr;  // where there is no table
  std::string key_, shown_;            // of what stands alone
  std::string source_;
};

}  // namespace gridrun
