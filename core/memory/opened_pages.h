// Writing where the guest may not: what /proc/self/mem and a debugger do.
#pragma once
#include "core/memory/guest_memory.h"

namespace fred {

/// Opens what the guest may not write, for as long as this exists. The engine's own protections of code pages must
/// have been taken away before (Engine::code_gone).
class OpenedPages {
 public:
  OpenedPages(const GuestMemory& memory, GuestRange range) : memory_(memory), range_(range) { protect(true); }
  ~OpenedPages() { protect(false); }
  OpenedPages(const OpenedPages&) = delete;
  OpenedPages& operator=(const OpenedPages&) = delete;

 private:
  void protect(bool open) const;

  const GuestMemory& memory_;
  GuestRange range_;
};

}  // namespace fred
