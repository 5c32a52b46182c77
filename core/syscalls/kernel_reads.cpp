#include "core/syscalls/kernel_reads.h"

#include <algorithm>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"
#include "core/syscalls/iovecs.h"
#include "core/syscalls/table.h"
#include "core/syscalls/walk.h"

namespace fred {

namespace {

constexpr u64 longest_path = 4096;

/// With its NUL, if that is readable.
u64 string_size(GuestAddr at) {
  char text[longest_path];
  const u64 readable = guest_readable(at, sizeof text);
  if (!guest_read(text, at, readable)) return 0;
  const auto* end = std::find(text, text + readable, '\0');
  return end == text + readable ? 0 : static_cast<u64>(end - text) + 1;
}

/// The array, and `bytes` of the data in its buffers.
void find_in_vector(GuestAddr at, u64 entries, u64 bytes, std::vector<GuestRange>& found) {
  if (entries > IoVecs::max_count) return;
  std::vector<IoVec> vecs(entries);
  if (!guest_read(vecs.data(), at, entries * sizeof(IoVec))) return;
  found.push_back(guest_range(at, entries * sizeof(IoVec)));
  for (const auto& v : vecs) {
    const u64 here = std::min(v.length, bytes);
    if (here != 0) found.push_back(guest_range(v.base, here));
    bytes -= here;
  }
}

}  // namespace

std::vector<GuestRange> kernel_reads(u64 number, const u64 (&args)[6], i64 result) {
  std::vector<GuestRange> found;
  const Row* row = find_row(number);
  if (row == nullptr || (is_error(result) && !interrupted(result))) return found;
  const u64 moved = is_error(result) ? 0 : static_cast<u64>(result);
  for (int i = 0; i < 6; ++i) {
    const Arg& arg = row->args[i];
    const GuestAddr at{args[i]};
    if (at.value == 0) continue;
    u64 size = 0;
    if (arg.kind == ArgKind::path) {
      size = string_size(at);
    } else if (arg.kind == ArgKind::in) {
      const Length& length = arg.length;
      switch (length.kind) {
        case LengthKind::fixed:
          size = length.unit;
          break;
        case LengthKind::count:
          size = bounded_size(args[length.arg], length.unit);
          break;
        case LengthKind::result:
          size = bounded_size(std::min(moved, args[length.arg]), length.unit);
          break;
        case LengthKind::vec:
          find_in_vector(at, args[length.arg], moved, found);
          break;
        case LengthKind::none:
        case LengthKind::word:
          break;
      }
    }
    if (size != 0) found.push_back(guest_range(at, size));
  }
  return found;
}

}  // namespace fred
