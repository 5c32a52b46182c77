// The pages that code was translated from: how a change of them is noticed.
//
//   protected   a writable page is write-protected; the write faults, its translations are dropped, the
//               page is opened again, and the one storing instruction is executed alone
//   checked     a page with many such faults, a page of a stack, or one that is mapped shared: it stays
//               writable, and its blocks compare their source bytes each time they are entered
//
// The guest never sees any of this: its view of protections is GuestMemory's table.
#pragma once
#include <unordered_map>
#include <vector>

#include "core/cache/code_cache.h"
#include "core/translate/translator.h"

namespace fred {

class GuestMemory;

class CodePages final : public CodeSource {
 public:
  CodePages(GuestMemory& memory, CodeCache*& cache) : memory_(memory), cache_(cache) {}

  // CodeSource
  bool fetchable(u64 page) override;
  bool checked(u64 page) override;
  void translated(u64 page) override;
  bool light_syscall(GuestAddr pc) override;
  void remember_source(BlockId block, GuestRange range) override;
  bool still_as_translated(BlockId block) override;

  /// Drops translations of the range and what is known of its pages (they are about to be unmapped,
  /// replaced or given another protection). Opens them first.
  void forget(GuestRange range);
  /// The same for all, whose memory is about to go.
  void forget_all();
  /// Opens the protected pages of the range for writing; their translations are dropped.
  void open(GuestRange range);
  /// A write fault at `address`: true if the page was protected by us. It is open now.
  bool write_fault(GuestAddr address);
  /// While a store is executed alone its page must stay open even if the step translates from it.
  /// What the page may really do now: of the guest's protection what we left, never execution.
  int real_protection(u64 page) const;
  u64 faults() const { return fault_count_; }

 private:
  enum class State : u8 { plain, guarded, checked };
  struct Page {
    State state = State::plain;
    u32 faults = 0;
  };
  void unguard(u64 page, Page& state);

  GuestMemory& memory_;
  CodeCache*& cache_;
  std::unordered_map<u64, Page> pages_;
  std::unordered_map<u32, std::pair<GuestAddr, std::vector<u8>>> sources_;  // of checked blocks
  u64 fault_count_ = 0;
};

}  // namespace fred
