// The table of mappings: which range of addresses is whose, and how the guest sees it. A pure table, no
// system calls; GuestMemory keeps it in step with the kernel.
//
// Protections here are the guest's view. The real ones differ: guest pages are never really executable, and
// pages that code was translated from are write-protected.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/memory/hole_index.h"
#include "core/memory/mapped_file.h"

namespace fred {

enum class Owner : u8 { guest, engine };

/// Facts of a mapping that madvise and accounting leave behind; neighbours that differ here do not merge.
enum MappingTraits : u16 {
  trait_dont_fork = 1,     // a fork of the guest does not have it (MADV_DONTFORK)
  trait_wipe_on_fork = 2,  // a fork of the guest sees zeros (MADV_WIPEONFORK)
  trait_accounted = 4,     // counted as committed memory by the kernel, which then does not merge it with others
  trait_random = 16,       // MADV_RANDOM, and so on: without effect on what the guest computes
  trait_sequential = 32,
  trait_huge = 64,
  trait_no_huge = 128,
  trait_no_dump = 256,
  trait_mergeable = 512,
  trait_private_yet = 8,  // MAP_SHARED|MAP_ANONYMOUS, really private until a second process needs it
  trait_foreign = 1024,   // MAP_SHARED, and what is mapped is the guest's own copy of it (foreign_memory.h)
};

struct Mapping {
  GuestRange range;
  Owner owner = Owner::guest;
  u8 prot = 0;      // PROT_READ|PROT_WRITE|PROT_EXEC as the guest sees it
  u8 max_prot = 7;  // what mprotect may give (EACCES beyond)
  u16 traits = 0;   // MappingTraits
  u32 flags = 0;    // MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_NORESERVE, MAP_STACK is not kept
  u64 offset = 0;   // of range.begin in the file; anonymous: the address it was made for (moved ones do not merge)
  std::shared_ptr<const MappedFile> file;  // null for anonymous memory
  std::string name;                        // "[vdso]", "[anon:…]", or an engine range's purpose; else empty

  /// True if this one and `next`, right after it, would be one mapping in the kernel.
  bool is_one_with(const Mapping& next) const;
  /// The table has one entry for both. Where their bytes come from may differ, of a file that was written meanwhile:
  /// then it has two for what the guest sees as one.
  bool merges_with(const Mapping& next) const;
  bool operator==(const Mapping&) const;
};

/// What only the process knows for the names in /proc/self/maps.
struct MapNames {
  GuestRange heap;  // start_brk to brk
  GuestAddr stack;  // an address in the main stack (its initial pointer)
};

class AddressMap {
 public:
  AddressMap() { clear(); }

  /// Adds `mapping`, replacing what was in its range, and merges it with its neighbours. Ranges are
  /// page-aligned and not empty.
  void insert(Mapping mapping);
  /// Removes what lies in `range`, splitting mappings at its ends.
  void erase(GuestRange range);
  /// Changes every mapping in `range` (split at its ends) by `change`, which must leave the range alone, and
  /// merges the neighbours again.
  void update(GuestRange range, const std::function<void(Mapping&)>& change);

  const Mapping* find(GuestAddr at) const;
  /// The first mapping that ends above `at` (it may contain it), or null.
  const Mapping* find_from(GuestAddr at) const;
  /// Where what the guest sees as one mapping ends, of which `at` is a part.
  GuestAddr end_of_one(GuestAddr at) const;
  /// Copies of the mappings in `range`, cut to it (offsets too), in order.
  std::vector<Mapping> in(GuestRange range) const;
  /// True if every page of the range is mapped by the guest.
  bool covers(GuestRange range) const;
  /// True if nothing lies in the range, nor the guard of a growing mapping above it.
  bool is_free(GuestRange range) const;
  bool overlaps_engine(GuestRange range) const;

  using Order = HoleIndex::Order;
  /// The first free place of `size` bytes within `bounds` from the top or from the bottom, keeping the guards of
  /// growing mappings. `align` is a power of two.
  std::optional<GuestAddr> find_free(u64 size, GuestRange bounds, Order order, u64 align = page_size) const;

  /// The guest's mappings as /proc/self/maps prints them.
  std::string text(const MapNames& names) const;

  const std::map<GuestAddr, Mapping>& all() const { return mappings_; }
  void clear();

  void write(ByteWriter& w, const std::function<bool(const Mapping&)>& keep) const;
  bool read(ByteReader& r);

 private:
  using Iterator = std::map<GuestAddr, Mapping>::iterator;
  void split(GuestAddr at);
  void merge_around(GuestRange range);
  void cut_out(GuestRange range);
  GuestRange room_around(GuestRange range) const;
  void index_holes(GuestRange room);
  std::map<GuestAddr, Mapping> mappings_;  // by range.begin
  HoleIndex holes_;                        // what lies between them, less the guards of growing mappings
};

/// The text of one mapping's line; `name` is what stands in the last column.
std::string maps_line(const Mapping& mapping, const std::string& name);
/// The name the kernel prints for a mapping, possibly empty.
std::string mapping_name(const Mapping& mapping, const MapNames& names);

}  // namespace fred
