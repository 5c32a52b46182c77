// Memory that processes outside of the recording write. At its addresses the guest has a private copy, of what it has
// seen last; the memory itself is mapped elsewhere, as the copy's *alias*. What the guest reads is fetched from there
// first, and what it writes is handed on (core/dispatch/foreign_access.h); the kernel is given the alias. A worker, and
// a snapshot, have the copy alone.
#pragma once
#include <map>
#include <vector>

#include "core/base/types.h"

namespace fred {

class ForeignMemory {
 public:
  bool any() const { return !pieces_.empty(); }
  /// Is any of that such memory?
  bool overlaps(GuestRange range) const;
  /// What of that is such memory, in ascending order, and cut where aliases are.
  std::vector<GuestRange> in(GuestRange range) const;
  std::vector<GuestRange> all() const;

  /// The byte of the alias for that of the copy; null where `at` is in no copy that has one.
  u8* alias(GuestAddr at) const;

  /// The address for the kernel: of the alias if there is one, else that of the guest.
  u64 for_kernel(GuestAddr at) const {
    const u8* there = alias(at);
    return there == nullptr ? at.value : reinterpret_cast<u64>(there);
  }

  /// `alias`: where the memory is mapped; null: nowhere.
  void add(GuestRange range, u8* alias);
  /// The aliases may be accessed as the copies may, from now on: by the kernel as well.
  void protect(GuestRange range, int prot);
  /// No such memory any more: its alias is unmapped.
  void remove(GuestRange range);
  /// The copies lie elsewhere from now on, and the last one is perhaps larger: so is its alias. -errno, and nothing, if
  /// that cannot grow.
  i64 move(GuestRange from, GuestRange to);
  /// The memory comes back to its addresses, in place of the copies.
  void give_back();
  /// In a fork that is to write nothing but its own memory.
  void drop_aliases();

 private:
  struct Piece {
    GuestAddr end;
    u8* alias;
  };
  void split(GuestAddr at);

  std::map<GuestAddr, Piece> pieces_;  // by their begin
};

}  // namespace fred
