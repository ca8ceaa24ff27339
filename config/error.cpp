#include "config/error.hpp"

#include <utility>

namespace pgweir::config {

namespace {

std::string join(const std::vector<Problem>& problems) {
    std::string all;
    for (const Problem& problem : problems) {
        if (!all.empty()) all += '\n';
        all += to_string(problem);
    }
    return all;
}

}  // namespace

std::string to_string(const Problem& problem) {
    std::string text = problem.file;
    if (problem.where.line != 0) {
        text += ':' + std::to_string(problem.where.line) + ':' + std::to_string(problem.where.column);
    }
    text += ": ";
    if (!problem.key.empty()) text += problem.key + ": ";
    return text + problem.message;
}

ConfigError::ConfigError(std::vector<Problem> problems)
    : std::runtime_error(join(problems)), problems_(std::move(problems)) {}

}  // namespace pgweir::config
