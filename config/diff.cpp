#include "config/diff.hpp"

#include <map>
#include <utility>

#include "config/options.hpp"

namespace pgweir::config {

namespace {

std::map<std::string, ConstBlock> by_path(const Section& section, const Config& config) {
    std::map<std::string, ConstBlock> blocks;
    for (std::size_t i = 0; i < section.count(config); ++i) {
        const ConstBlock block = section.at(config, i);
        blocks.emplace(block_path(section, block), block);
    }
    return blocks;
}

void compare(const Section& section, const std::string& path, ConstBlock before, ConstBlock after,
             std::vector<Change>& changes) {
    for (const Option& option : options_of(section.name)) {
        const Value old_value = option.get(before);
        const Value new_value = option.get(after);
        if (old_value == new_value) continue;
        changes.push_back({ChangeKind::changed, path + '.' + std::string(option.key), to_text(option, old_value),
                           to_text(option, new_value), option.reloadable});
    }
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
    std::vector<Change> changes;
    for (const Section& section : sections()) {
        const auto old_blocks = by_path(section, before);
        const auto new_blocks = by_path(section, after);
        for (const auto& [path, block] : old_blocks) {
            const auto now = new_blocks.find(path);
            if (now != new_blocks.end())
                compare(section, path, block, now->second, changes);
            else
                changes.push_back({ChangeKind::removed, path, "", "", true});
        }
        for (const auto& [path, block] : new_blocks) {
            if (!old_blocks.contains(path)) changes.push_back({ChangeKind::added, path, "", "", true});
        }
    }
    return changes;
}

}  // namespace pgweir::config
