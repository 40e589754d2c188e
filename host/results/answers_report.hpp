// The answers for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include "results/answers.hpp"
#include "results/seed_answers.hpp"

namespace gridrun {

/// "words of 8 bits", the heading of what is told of a slice; empty where it is the whole grid.
std::string heading(const std::vector<HeldValue>& held);

/// About ten lines for the terminal; the table of rows is folded to `width` columns (0: never).
std::string answers_text(const Answers& answers, std::size_t width);

/// The same of several seeds: medians and their intervals.
std::string answers_text(const SeedAnswers& answers, std::size_t width);

/// What the metric is and how far its answers hold: of which seeds, and of which differences.
std::string terms_text(const SeedAnswers& answers, std::size_t smooth_window);

/// A line a slice: its fewest bits and its best, to compare; nothing of one slice alone.
std::string comparison_text(const std::vector<SeedAnswers>& slices);

/// What answers.json holds of a grid's slices; what is not answered is null, or an empty list.
/// `text` has the lines of answers_text. Of no slice, that of a grid of which no table is whole,
/// the list of slices is empty.
nlohmann::ordered_json answers_json(const std::vector<SeedAnswers>& slices);

}  // namespace gridrun
