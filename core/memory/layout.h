// Where the guest's parts lie. Chosen by us, not by the kernel, and the same in live and in workers: a
// worker, which allocates differently, then never sits where the recording wants to map.
#pragma once
#include "core/base/types.h"

namespace fred::layout {

/// The end of user addresses (four-level page tables), as the kernel's TASK_SIZE.
inline constexpr u64 task_size = 0x7ffffffff000;
/// Addresses from here up are the engine's and the kernel's; the main stack ends here.
inline constexpr GuestAddr stack_top{0x7e0000000000};
/// Where position-independent executables are loaded; their heap comes after them.
inline constexpr GuestAddr pie_base{0x550000000000};
/// The lowest address the kernel gives out unasked.
inline constexpr u64 lowest = 0x10000;
/// MAP_32BIT mappings lie here, as natively.
inline constexpr GuestRange low_2g{GuestAddr{0x40000000}, GuestAddr{0x80000000}};
/// The kernel keeps this much free below a mapping that grows down.
inline constexpr u64 stack_guard = 256 * page_size;
/// Room below stack_top that mappings never get, however small the stack's limit: the guest may raise it.
inline constexpr u64 smallest_stack_room = 128 << 20;
inline constexpr u64 largest_stack_room = u64{1} << 30;
/// How far a code cache window may lie from the code it serves (both ends of both): rel32 with slack.
inline constexpr u64 window_reach = u64{3} << 29;
/// Room above a heap's start that code cache windows keep out of.
inline constexpr u64 heap_room = u64{1} << 40;
inline constexpr u64 huge_page = 2 << 20;

}  // namespace fred::layout
