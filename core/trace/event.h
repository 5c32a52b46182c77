// One event of a recording: what re-execution cannot derive, and the Time at which it happened, so that
// a worker checks at each that it is still on the recorded path.
//
// A log is a sequence of records, each a multiple of 8 bytes:
//   EventHeader, a u64 `rest` if it says so, then items {ItemHeader, the address if it is an output, bytes, padding to
//   8}.
// Records are small on purpose: making a page of the log's file costs as much as dozens of events.
// The order of items within an event is the order in which the engine asked (core/syscalls/syscall.h).
#pragma once
#include <string_view>

#include "core/arch/x86/state_window.h"
#include "core/base/types.h"

namespace fred {

#define FRED_EVENT_KINDS(K)                                                                   \
  K(start)         /* the first event: the state the recording begins with */                 \
  K(forked)        /* the first event of a forked child */                                    \
  K(syscall)       /* detail: number */                                                       \
  K(instruction)   /* detail: enum Effect */                                                  \
  K(signal)        /* a signal delivered to the guest; detail: number */                      \
  K(fault)         /* a fault of the guest before its signal; detail: signal */               \
  K(edit)          /* the user changed the guest; detail: enum EditKind */                    \
  K(vfork_end)     /* the child that shared our memory left; detail: killed */                \
  K(checksum)      /* memory checksums (--checksum-every) */                                  \
  K(thread_switch) /* another thread runs from here on; detail: its number */                 \
  K(turn)          /* what others wrote to shared memory is seen from here on */              \
  K(foreign)       /* shared memory is foreign from here on (core/memory/foreign_memory.h) */ \
  K(load)          /* what others wrote to foreign memory, as the instruction sees it */      \
  K(call_end)      /* a system call that waited without the turn goes on; detail: its number */

enum class EventKind : u8 {
#define K(name) name,
  FRED_EVENT_KINDS(K)
#undef K
};
std::string_view to_string(EventKind kind);
/// Does it happen between two instructions, wherever that is, so that a worker has to see it coming?
constexpr bool is_between_instructions(EventKind kind) {
  return kind == EventKind::edit || kind == EventKind::thread_switch || kind == EventKind::turn ||
         kind == EventKind::foreign;
}

struct EventHeader {
  u32 size;  // of the whole record
  EventKind kind;
  u8 phase;  // of the Time
  u16 flags;
  u32 detail;  // by kind
  u32 hash;    // flag hashed: register_hash at the event, where the registers are not logged in full
  u64 ticks;
  u64 pc;

  static constexpr u16 has_rest = 1;  // Time::rest is not 0 and follows
  static constexpr u16 hashed = 2;

  /// Only of a header in its record, never of a copy.
  Time time() const { return {.ticks = ticks, .pc = GuestAddr{pc}, .rest = rest(), .phase = phase}; }
  u64 rest() const { return (flags & has_rest) != 0 ? *reinterpret_cast<const u64*>(this + 1) : 0; }
  /// Where the first item is, from the record's begin.
  u64 items_at() const { return sizeof(EventHeader) + ((flags & has_rest) != 0 ? sizeof(u64) : 0); }
};
static_assert(sizeof(EventHeader) == 32);

#define FRED_ITEM_KINDS(K)                                                                            \
  K(registers) /* Registers at the event, for comparison */                                           \
  K(result)    /* i64: what the outside world answered */                                             \
  K(output)    /* memory the kernel wrote: its address and the bytes */                               \
  K(value)     /* bytes that only the outside world knows */                                          \
  K(waits)     /* the call waits without the turn; nothing follows in its event */                    \
  K(clock)     /* a result of 0 and the bytes of one output, at an address that the registers hold */ \
  K(order)     /* u64: its end among those of all processes of the recording, if there are several; the last item */

enum class ItemKind : u8 {
#define K(name) name,
  FRED_ITEM_KINDS(K)
#undef K
};
std::string_view to_string(ItemKind kind);

struct ItemHeader {
  ItemKind kind;
  u8 reserved[3];
  u32 size;  // of the bytes, without padding; an output's address comes before them
};
static_assert(sizeof(ItemHeader) == 8);

/// From the begin of an item to its bytes.
constexpr u64 bytes_at(ItemKind kind) {
  return sizeof(ItemHeader) + (kind == ItemKind::output ? sizeof(GuestAddr) : 0);
}
constexpr u64 padded(u64 size) { return (size + 7) & ~u64{7}; }

}  // namespace fred
