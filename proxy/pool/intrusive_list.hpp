// A doubly linked list through members of its elements: no allocation, removal in O(1).
#pragma once

#include <cstddef>

namespace pgweir::pool {

// The links inside an element; both null while it is in no list.
template <class T>
struct ListHook {
    T* previous = nullptr;
    T* next = nullptr;
};

// `Access::hook(T&)` finds an element's hook. The list owns nothing; an element is in at most one list.
template <class T, class Access>
class IntrusiveList {
  public:
    [[nodiscard]] bool empty() const noexcept { return front_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T* front() const noexcept { return front_; }
    [[nodiscard]] T* back() const noexcept { return back_; }
    [[nodiscard]] static T* next(T& element) noexcept { return Access::hook(element).next; }
    [[nodiscard]] static T* previous(T& element) noexcept { return Access::hook(element).previous; }

    void push_front(T& element) noexcept {
        Access::hook(element) = {nullptr, front_};
        (front_ != nullptr ? Access::hook(*front_).previous : back_) = &element;
        front_ = &element;
        ++size_;
    }

    void push_back(T& element) noexcept {
        Access::hook(element) = {back_, nullptr};
        (back_ != nullptr ? Access::hook(*back_).next : front_) = &element;
        back_ = &element;
        ++size_;
    }

    void remove(T& element) noexcept {
        ListHook<T>& hook = Access::hook(element);
        (hook.previous != nullptr ? Access::hook(*hook.previous).next : front_) = hook.next;
        (hook.next != nullptr ? Access::hook(*hook.next).previous : back_) = hook.previous;
        hook = {};
        --size_;
    }

  private:
    T* front_ = nullptr;
    T* back_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace pgweir::pool
