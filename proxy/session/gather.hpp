// Output for one peer, collected while one chunk of input is worked through.
#pragma once

#include <string>
#include <string_view>

#include "protocol/bytes.hpp"

namespace pgweir::session {

// As long as all that is passed on is one run of the input, nothing is copied: the run is referenced, and the input must
// outlive the flush. Anything else turns it into owned bytes.
class Gather {
  public:
    // References bytes of the input.
    void pass(Bytes bytes) {
        if (bytes.empty()) return;
        if (!owned_.empty()) {
            owned_.append(as_text(bytes));
        } else if (run_.empty()) {
            run_ = bytes;
        } else if (run_.data() + run_.size() == bytes.data()) {
            run_ = {run_.data(), run_.size() + bytes.size()};
        } else {
            own().append(as_text(bytes));
        }
    }

    // A string to append own bytes to; takes over what was referenced so far.
    [[nodiscard]] std::string& own() {
        if (!run_.empty()) {
            owned_.append(as_text(run_));
            run_ = {};
        }
        return owned_;
    }

    [[nodiscard]] bool empty() const noexcept { return run_.empty() && owned_.empty(); }
    // What is to be sent; valid until the next call of another member.
    [[nodiscard]] Bytes bytes() const noexcept { return owned_.empty() ? run_ : as_bytes(owned_); }

    void clear() noexcept {
        run_ = {};
        owned_.clear();
    }

  private:
    Bytes run_;
    std::string owned_;
};

}  // namespace pgweir::session
