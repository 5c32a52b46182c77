// The guest's memory: the table of its mappings, its heap, and the real mappings behind them, kept in step.
//
// Every operation follows the kernel's rules in the kernel's order and returns what the kernel would (a
// value, or -errno). Where guest mappings go is decided here, the same in live and in workers. What only the
// kernel can decide (is there memory? may it be locked?) is a Verdict: in live the kernel's answer, in a
// worker the recorded one, after which the worker does the same step for itself.
//
// Guest pages are never really executable: translated code runs in the engine's windows. The guest's view of
// protections is the table's.
#pragma once
#include <expected>
#include <functional>
#include <optional>
#include <span>

#include "core/base/error.h"
#include "core/engine.h"
#include "core/memory/address_map.h"
#include "core/memory/file_sources.h"
#include "core/memory/foreign_memory.h"
#include "core/memory/shared_pages.h"
#include "core/memory/shared_shadow.h"

namespace fred {

/// One step that the kernel decides. It may be run or not; it changes only real mappings, never the table.
using KernelStep = std::function<i64()>;
/// Runs a step and returns its result; or, in a worker, takes the recorded result and runs it if that is a
/// success. `ask_kernel` just runs it.
using Verdict = std::function<i64(const KernelStep&)>;
i64 ask_kernel(const KernelStep& step);

/// What mmap is asked for. `flags` are MAP_* as the guest gives them.
struct MapRequest {
  GuestAddr addr = {};
  u64 size = 0;
  int prot = 0;
  u32 flags = 0;
  u64 offset = 0;                               // in the file, page-aligned
  std::shared_ptr<const MappedFile> file = {};  // null: anonymous
  int fd = -1;                                  // what is really mapped when there is a file
  u8 max_prot = 7;                              // what mprotect may give later
  bool mirror = false;                          // FileToMap::mirror
  std::string name = {};                        // "[vdso]"
};

struct KernelMapping;

/// The memory of a program that ran before the engine was in its process.
struct AdoptedMemory {
  std::string smaps;  // /proc/PID/smaps before anything of the engine's was mapped
  GuestAddr heap_begin, brk, initial_sp;
  GuestRange heap_guard;  // an inaccessible page behind the heap; empty: none
};

class GuestMemory {
 public:
  /// Notes what the engine itself has below layout::stack_top, so that the guest is kept off it.
  explicit GuestMemory(Engine& engine);

  const AddressMap& table() const { return table_; }
  FileSources& sources() { return sources_; }
  /// True once there is something that mirror_file_changes must look after: a file mapped in a way that the guest's
  /// later writes to it must be carried over, or memory that other processes may come to share.
  bool mirrors_files() const { return mirrors_files_ || shares_memory_; }
  /// Of these the second: memory of MAP_SHARED|MAP_ANONYMOUS or System V was made.
  bool shares_memory() const { return shares_memory_; }
  /// Recording: other processes can write this memory from now on.
  void follow_shared(GuestRange range);
  /// Live: what it has now is known: the process has written it itself.
  void refresh_shared(bool files) {
    shadow_.refresh(table_, files);
    sources_.set_sizes(sources_.size_changes());
    shared_pages_.settle();
  }
  /// Live: is there any such memory?
  bool follows_shared() const { return !shadow_.empty() || !shared_pages_.empty(); }
  /// What they (and the guest) wrote since the last time.
  /// `files`: also those that are mapped shared.
  std::vector<GuestRange> shared_changes(bool files);
  /// What of it only recorded processes have.
  SharedPages& shared_pages() { return shared_pages_; }
  /// The guest gave another size to a file that stand-ins are mapped for: where accesses are SIGBUS follows it. Where
  /// `size` makes a difference, or nothing; and mapping it (FileSources::resized).
  std::optional<Mapping> resizes_stand_in(u64 dev, u64 ino, u64 size) const;
  void resize_stand_ins(const MappedFile& now);
  /// Memory that processes outside of the recording write, and what may become such (guest_memory_foreign.cpp).
  const ForeignMemory& foreign() const { return foreign_; }
  /// Mappings shared with whoever has the same, of which the guest reads the memory itself, or a copy that the
  /// recording keeps.
  std::vector<Mapping> foreign_candidates() const;
  /// Has one been made since the number was another?
  u64 shared_mappings_made() const { return shared_mappings_made_; }
  /// The mappings in the range, which is of candidates, become foreign; in live with aliases. The guest's copies have
  /// the contents of the moment. What became so: a part, or nothing, where memory cannot be mapped or lies beyond the
  /// end of its file.
  std::vector<GuestRange> make_foreign(GuestRange range);
  /// Of one that has just become so in live: what may differ from what the recording knows.
  std::vector<GuestRange> unknown_contents(GuestRange range);
  /// A worker: becomes so just as it did in live.
  void make_foreign_again(GuestRange range);

  MapNames names() const { return {{heap_begin_, brk_}, initial_sp_}; }
  /// As the guest reads in /proc/self/maps.
  std::string maps_text();

  // Operations of the guest. ----------------------------------------------------------------------------

  /// Where a request goes, or -errno. Changes nothing.
  std::expected<GuestRange, i64> place(const MapRequest& request);
  /// The address, or -errno.
  i64 map(const MapRequest& request, const Verdict& verdict = ask_kernel);
  i64 unmap(GuestAddr addr, u64 size, const Verdict& verdict = ask_kernel);
  i64 protect(GuestAddr addr, u64 size, int prot, const Verdict& verdict = ask_kernel);
  i64 remap(GuestAddr old, u64 old_size, u64 new_size, u32 flags, GuestAddr wanted,
            const Verdict& verdict = ask_kernel);
  i64 advise(GuestAddr addr, u64 size, int advice, const Verdict& verdict = ask_kernel);
  /// The new end of the heap, or the old one if it cannot be moved, as the system call returns.
  GuestAddr set_brk(GuestAddr wanted, const Verdict& verdict = ask_kernel);
  GuestAddr brk() const { return brk_; }
  /// PR_SET_VMA_ANON_NAME: an empty name takes it away.
  i64 name_anonymous(GuestAddr addr, u64 size, const std::string& name);

  /// SysV shared memory at `place`, which `attach` maps for real at its begin (replacing what is there).
  i64 attach(GuestRange place, int prot, std::shared_ptr<const MappedFile> file, const KernelStep& attach,
             const Verdict& verdict);

  // Loading. --------------------------------------------------------------------------------------------

  /// What the process has mapped already becomes the guest's, as it is. Instead of loading; in live only.
  Result<> adopt(const AdoptedMemory& what);
  /// From here on forks of this process have all of the guest's memory as it is, whatever the program has told the
  /// kernel of its children (MADV_DONTFORK, MADV_WIPEONFORK): snapshots are forks, and the guest's are the table's to
  /// look after.
  void keep_in_forks();
  /// The kernel is to have it all as the guest sees it: nothing is guarded any more, and code may be executed.
  void become_native();

  /// Unmaps everything of the guest (execve). Engine ranges stay.
  void clear_guest();
  /// Where the heap starts; it is empty.
  void start_heap(GuestAddr at);
  /// The main stack: grows down from layout::stack_top by itself; `size` bytes of it exist at first.
  i64 make_stack(u64 size, int prot);
  void set_initial_sp(GuestAddr sp) { initial_sp_ = sp; }
  /// The room of the main stack, from its limit when it was made.
  u64 stack_room() const { return stack_room_; }
  /// Live: what RLIMIT_STACK gives the main stack of a program that is executed now.
  static u64 wanted_stack_room();
  void set_stack_room(u64 size) { stack_room_ = size; }
  /// The end of the area that mappings are placed in, top-down.
  GuestAddr mmap_top() const;

  // Engine ranges. --------------------------------------------------------------------------------------

  /// Finds and reserves room for a window of `size` bytes whose every byte is within layout::window_reach of every
  /// byte of `code`, out of the way of a growing heap. It is mapped PROT_NONE; the owner maps over it (MAP_FIXED).
  Result<GuestRange> reserve_engine_near(GuestRange code, u64 size);
  /// Reserves exactly this range, in the same way. False if something lies there. A range that is already
  /// reserved is fine (a worker forked after the reservation).
  bool reserve_engine_at(GuestRange range);
  void release_engine(GuestRange range);
  /// True if any of it is not the guest's to use.
  bool is_engine(GuestRange range) const;

  // Forks and states. -----------------------------------------------------------------------------------

  /// Before the guest forks: MAP_SHARED|MAP_ANONYMOUS memory, until now private, becomes really shared. In a worker as
  /// well, so that whatever depends on it is decided alike.
  struct SharedForFork {
    u64 objects = 0;  // that were made so
    i64 error = 0;    // -errno: memory was short for the next one
  };
  SharedForFork share_for_fork(u64 most = ~u64{0});
  /// Is there such memory?
  bool shares_at_fork() const;
  /// In the guest's forked child: does what MADV_DONTFORK and MADV_WIPEONFORK asked for.
  void apply_fork_advice();
  /// All pages that the guest may have written.
  std::vector<GuestRange> writable_pages() const;
  /// The table has stacks as far as they have grown.
  void note_growth();
  /// Is there memory that a fork of this process would share?
  bool is_really_shared() const;
  /// In a forked snapshot or worker: memory that is really shared with whom it was forked from becomes a copy of its
  /// own. -errno if memory is short.
  i64 detach_shared();

  /// The table, the heap and the layout, without the contents of memory.
  std::vector<u8> serialise() const;
  /// Makes the mappings of a serialised state, for real, in a process that has none of the guest's. Contents of
  /// anonymous memory and changes to private file pages are the caller's to fill in.
  Result<> restore(std::span<const u8> state);

 private:
  std::optional<GuestAddr> choose(const MapRequest& request, u64 size) const;
  /// Takes out of the tables what is no longer mapped.
  void erase(GuestRange range);
  /// The table says that it is, and what is mapped has the protection of such.
  void mark_foreign(GuestRange range);
  /// ForeignMemory::move(), and the translator hears of it.
  i64 move_foreign(GuestRange from, GuestRange to);
  void absorb_engine_mappings();
  /// Brings the table up to date with the kernel's growing of stacks, as far as it may matter for `concern`.
  void refresh_growing(GuestRange concern);
  void grow_entry(const Mapping& mapping);
  /// Mappings in this range are about to change or go: tells the translator about code there, and opens what is
  /// write-protected.
  void will_change(GuestRange range);
  i64 unmap_pieces(GuestRange range, const Verdict& verdict);
  bool growable_in_place(const Mapping& mapping, GuestAddr at, u64 more) const;
  /// mremap's growing and moving of what the guest sees as one mapping.
  i64 grow_in_place(GuestRange old, u64 new_size, const Verdict& verdict);
  i64 move_all(GuestRange from, GuestRange to, u32 flags, const Verdict& verdict);
  i64 move_to(const Mapping& mapping, GuestRange from, GuestRange to, u32 flags, const Verdict& verdict);
  /// Several mappings, which keep their sizes and the gaps between them.
  i64 remap_several(GuestRange old, u32 flags, GuestAddr wanted, const Verdict& verdict);
  i64 duplicate(const Mapping& mapping, GuestAddr at, GuestRange to, const Verdict& verdict);
  /// What others can write there is looked for at its new place.
  void follow_moved(GuestRange range);
  i64 make_really_shared(const Mapping& mapping);
  /// Before that range is unmapped: what pieces of its shared memory may bring back by mremap stays.
  i64 keep_unmapped(GuestRange range);
  i64 advise_one(const Mapping& mapping, int advice, const Verdict& verdict);
  Result<> restore_one(const Mapping& mapping);
  bool reserve(GuestRange range);
  Result<> adopt_one(const KernelMapping& mapping);
  /// The heap ends there now, or is about to: its guard is there only while that is below it.
  void guard_heap(GuestAddr heap_end);
  /// The heap goes: from now on its guard is the engine's for good.
  void keep_heap_guard();
  void give_heap_back();

  Engine& engine_;
  AddressMap table_;
  FileSources sources_;
  u64 stack_room_;
  GuestAddr heap_begin_, brk_, initial_sp_;
  GuestRange heap_guard_;  // of an adopted process (AdoptedMemory)
  bool heap_guarded_ = false;
  GuestAddr adopted_heap_;      // where the heap begins that the kernel knows
  bool adopted_ = false;        // some of the guest's mappings may lie among the engine's, above layout::stack_top
  bool other_growing_ = false;  // a MAP_GROWSDOWN mapping besides the main stack was made
  bool mirrors_files_ = false, shares_memory_ = false;
  SharedShadow shadow_;
  SharedPages shared_pages_{table_, shadow_};
  ForeignMemory foreign_;
  u64 shared_mappings_made_ = 0;
  u64 next_shared_ino_ = 1;  // of shared anonymous memory
};

/// Foreign memory that the guest can never write, but the engine writes all the time: it stays writable
/// (ForeignAccess::step_closed).
bool stays_open(const Mapping& mapping);
/// The protection that a guest page really has for what the guest sees.
int real_prot(int guest_prot);
int real_prot(const Mapping& mapping);

}  // namespace fred
