// One event of a recording: what re-execution cannot derive, and the Time at which it happened, so that
// a worker checks at each that it is still on the recorded path.
//
// A log is a sequence of records, each a multiple of 8 bytes:
//   EventHeader, then its payload: items {ItemHeader, bytes, padding to 8}.
// The order of items within an event is the order in which the engine asked (core/syscalls/syscall.h).
#pragma once
#include <string_view>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred {

#define FRED_EVENT_KINDS(K)                                                   \
  K(start)       /* the first event: the state the recording begins with */   \
  K(syscall)     /* detail: number */                                         \
  K(instruction) /* detail: enum Effect */                                    \
  K(signal)      /* a signal delivered to the guest; detail: number */        \
  K(fault)       /* a fault of the guest before its signal; detail: signal */ \
  K(edit)        /* the user changed the guest; detail: enum EditKind */      \
  K(vfork_end)   /* the child that shared our memory left; detail: unused */  \
  K(checksum)    /* memory checksums (--checksum-every) */

enum class EventKind : u8 {
#define K(name) name,
  FRED_EVENT_KINDS(K)
#undef K
};
std::string_view to_string(EventKind kind);

struct EventHeader {
  u32 size;  // of the whole record
  EventKind kind;
  u8 phase;  // of the Time
  u16 reserved;
  u32 detail;  // by kind
  u32 reserved2;
  u64 ticks;
  u64 pc;
  u64 rest;
  Time time() const { return {.ticks = ticks, .pc = GuestAddr{pc}, .rest = rest, .phase = phase}; }
};
static_assert(sizeof(EventHeader) == 40);

#define FRED_ITEM_KINDS(K)                                                              \
  K(hash)      /* u64: register_hash at the event, where they are not logged in full */ \
  K(registers) /* Registers at the event, for comparison */                             \
  K(result)    /* i64: what the outside world answered */                               \
  K(output)    /* `at`: memory the kernel wrote, with the bytes */                      \
  K(value)     /* bytes that only the outside world knows */

enum class ItemKind : u8 {
#define K(name) name,
  FRED_ITEM_KINDS(K)
#undef K
};
std::string_view to_string(ItemKind kind);

struct ItemHeader {
  ItemKind kind;
  u8 reserved[3];
  u32 size;  // of the bytes behind this header, without padding
  u64 at;    // output: guest address; else 0
};
static_assert(sizeof(ItemHeader) == 16);

constexpr u64 padded(u64 size) { return (size + 7) & ~u64{7}; }

}  // namespace fred
