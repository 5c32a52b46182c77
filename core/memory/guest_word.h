// Words of memory that others use at the same time, each read, written or exchanged in one access, as an instruction of
// the guest's would. A fault becomes a result (guest_access.h).
#pragma once
#include "core/base/types.h"

namespace fred {

inline constexpr u64 largest_word = 16;
/// Is that the size of one access?
constexpr bool is_word(u64 size) { return size != 0 && size <= largest_word && (size & (size - 1)) == 0; }

/// Copies: what has the size of a word in one access, else in words as large as the alignment of both ends allows.
/// False: some of it cannot be accessed; what comes before it is copied.
bool copy_words(void* to, const void* from, u64 size);

enum class Exchange : u8 { done, differs, faults };
/// A word (of 16 bytes: aligned) becomes `desired` if it is as expected.
Exchange exchange_word(void* at, const void* expected, const void* desired, u64 size);

}  // namespace fred
