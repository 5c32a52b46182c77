#include "core/syscalls/ioctl_table.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/btrfs.h>
#include <linux/cdrom.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsmap.h>
#include <linux/fsverity.h>
#include <linux/hdreg.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/kd.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/sockios.h>
#include <linux/vt.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>

namespace fred {
namespace {

// What rows of ioctls.def say.
namespace effects {
constexpr IoctlEffect none{};
constexpr IoctlEffect fd{.kind = IoctlKind::fd};
constexpr IoctlEffect list{.kind = IoctlKind::list};
constexpr IoctlEffect out(u16 size) { return {.kind = IoctlKind::out, .size = size}; }
constexpr IoctlEffect table(u16 header, u16 offset, u8 width, u16 unit) {
  return {.kind = IoctlKind::table, .width = width, .size = header, .offset = offset, .unit = unit};
}
constexpr IoctlEffect fd_in(u16 size, u16 offset, u8 width) {
  return {.kind = IoctlKind::fd_in, .width = width, .size = size, .offset = offset};
}
constexpr IoctlEffect refused{.kind = IoctlKind::refused};

constexpr IoctlRow written_rows[] = {
#define IOCTL(request, effect) {static_cast<u32>(request), effect, 0, #request, nullptr},
#define IOCTL_REFUSED(request, error, reason) {static_cast<u32>(request), refused, error, #request, reason},
#define IOCTL_TYPE_REFUSED(type, error, reason)
#include "core/syscalls/ioctls.def"
};
}  // namespace effects

struct TypeRow {
  u32 type;
  u16 error;
  const char* reason;
};
constexpr TypeRow refused_types[] = {
#define IOCTL(request, effect)
#define IOCTL_REFUSED(request, error, reason)
#define IOCTL_TYPE_REFUSED(type, error, reason) {type, error, reason},
#include "core/syscalls/ioctls.def"
};

struct Sorted {
  IoctlRow rows[std::size(effects::written_rows)];
};
consteval Sorted by_request() {
  Sorted all{};
  std::ranges::copy(effects::written_rows, all.rows);
  std::sort(std::begin(all.rows), std::end(all.rows),
            [](const IoctlRow& a, const IoctlRow& b) { return a.request < b.request; });
  return all;
}
constexpr Sorted sorted = by_request();

consteval bool each_once() {
  for (size_t i = 1; i < std::size(sorted.rows); ++i)
    if (sorted.rows[i].request == sorted.rows[i - 1].request) return false;
  return true;
}
static_assert(each_once(), "a request has two rows");

}  // namespace

std::span<const IoctlRow> ioctl_rows() { return sorted.rows; }

const IoctlRow* find_ioctl(u32 request) {
  const auto* row = std::lower_bound(std::begin(sorted.rows), std::end(sorted.rows), request,
                                     [](const IoctlRow& r, u32 wanted) { return r.request < wanted; });
  return row != std::end(sorted.rows) && row->request == request ? row : nullptr;
}

IoctlDecision decide_ioctl(u32 request) {
  if (const IoctlRow* row = find_ioctl(request)) return {true, row->effect, row->error, row->reason};
  const u32 direction = _IOC_DIR(request), size = _IOC_SIZE(request);
  if (direction == _IOC_NONE || size == 0) return {};
  for (const TypeRow& type : refused_types)
    if (type.type == _IOC_TYPE(request)) return {true, effects::refused, type.error, type.reason};
  return {true, (direction & _IOC_READ) != 0 ? effects::out(static_cast<u16>(size)) : effects::none, 0, nullptr};
}

}  // namespace fred
