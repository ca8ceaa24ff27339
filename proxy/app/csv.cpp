#include "proxy/app/csv.hpp"

namespace pgweir::app {

bool CsvReader::next(std::vector<std::string>& fields) {
    fields.assign(1, {});
    quoted_ = false;
    if (!in_.line(line_)) return false;
    add_line(fields);
    while (quoted_ && in_.line(line_)) {
        fields.back() += '\n';
        add_line(fields);
    }
    return true;
}

void CsvReader::add_line(std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < line_.size(); ++i) {
        const char c = line_[i];
        if (c == '"') {
            const bool escaped = quoted_ && i + 1 < line_.size() && line_[i + 1] == '"';
            if (escaped) fields.back() += line_[++i];
            else quoted_ = !quoted_;
        } else if (c == ',' && !quoted_) {
            fields.emplace_back();
        } else if (quoted_ || c != '\r' || i + 1 < line_.size()) {
            fields.back() += c;
        }
    }
}

}  // namespace pgweir::app
