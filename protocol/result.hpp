// A value or a small error, for code that does not throw.
#pragma once

#include <utility>
#include <variant>

namespace pgweir {

template <class T, class E>
class [[nodiscard]] Result {
  public:
    constexpr Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    constexpr Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] constexpr explicit operator bool() const noexcept { return state_.index() == 0; }
    [[nodiscard]] constexpr const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] constexpr T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    [[nodiscard]] constexpr T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] constexpr const T* operator->() const noexcept { return std::get_if<0>(&state_); }
    [[nodiscard]] constexpr T* operator->() noexcept { return std::get_if<0>(&state_); }
    // Only when the result is an error.
    [[nodiscard]] constexpr const E& error() const noexcept { return *std::get_if<1>(&state_); }

  private:
    std::variant<T, E> state_;
};

}  // namespace pgweir
