#include "proxy/app/input.hpp"

#include <iterator>

namespace pgweir::app {

std::string_view Input::peek() {
    if (chunk_.empty()) (void)fill();
    return chunk_;
}

bool Input::fill() {
    at_ = 0;
    chunk_.resize(kChunk);
    in_.read(chunk_.data(), static_cast<std::streamsize>(kChunk));
    chunk_.resize(static_cast<std::size_t>(in_.gcount()));
    return !chunk_.empty();
}

bool Input::line(std::string& out) {
    out.clear();
    bool any = false;
    while (at_ < chunk_.size() || fill()) {
        any = true;
        const std::size_t end = chunk_.find('\n', at_);
        out.append(chunk_, at_, end - at_);  // npos: through the chunk's end
        at_ = end == std::string::npos ? chunk_.size() : end + 1;
        if (end != std::string::npos) break;
    }
    return any;
}

std::string Input::rest() {
    std::string all = chunk_.substr(at_);
    at_ = chunk_.size();
    all.append(std::istreambuf_iterator<char>(in_), std::istreambuf_iterator<char>());
    return all;
}

}  // namespace pgweir::app
