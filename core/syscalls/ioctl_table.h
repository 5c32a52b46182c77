// ioctl requests: one row each, from ioctls.def.
#pragma once
#include <span>

#include "core/base/types.h"

namespace fred {

enum class IoctlKind : u8 { none, out, table, fd, fd_in, list, refused };

/// What a request does with its argument; the words are explained in ioctls.def.
struct IoctlEffect {
  IoctlKind kind = IoctlKind::none;
  u8 width = 0;    // bytes of the count or of the descriptor
  u16 size = 0;    // bytes of the structure, or of a table's header
  u16 offset = 0;  // of the count or of the descriptor
  u16 unit = 0;    // bytes of one entry of a table
};

struct IoctlRow {
  u32 request = 0;
  IoctlEffect effect;
  u16 error = 0;
  const char* name = nullptr;
  const char* reason = nullptr;
};

/// All rows, by rising request.
std::span<const IoctlRow> ioctl_rows();

/// The row of a request, or nullptr.
const IoctlRow* find_ioctl(u32 request);

/// What to do with any request: its row's effect; else what its number says; a refusal that is silent; or
/// nothing known (`known` is false).
struct IoctlDecision {
  bool known = false;
  IoctlEffect effect;
  u16 error = 0;
  const char* reason = nullptr;
};
IoctlDecision decide_ioctl(u32 request);

}  // namespace fred
