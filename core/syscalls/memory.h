// What the memory calls have in common, for their families and for an execve in place.
#pragma once
#include <type_traits>
#include <vector>

#include "core/memory/guest_memory.h"
#include "core/syscalls/syscall.h"

namespace fred {

/// Steps of GuestMemory decided by this call: in live the kernel's answer, logged; in a worker the recorded
/// answer, and the step done here too if it was a success. A worker that cannot do it ends with a clear line.
Verdict verdict_of(Syscall& call);

/// Syscall::value for values, without pointers, whose number only live knows.
template <class T>
void logged_values(Syscall& call, std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  u64 bytes = values.size() * sizeof(T);
  call.value(&bytes, sizeof bytes);
  values.resize(bytes / sizeof(T));
  if (!values.empty()) call.value(values.data(), values.size() * sizeof(T));
}

/// After a call that may have changed a file which the guest has mapped: its mappings show the change in every mode.
/// Call it for each completed call while memory().mirrors_files(); calls that change no file are passed over.
void mirror_file_changes(Syscall& call, i64 result);

/// Live: the call changes contents or size of a regular file, which does not take long.
bool changes_regular_file(const Syscall& call);

/// After the guest mapped a file shared: what it has behind its end, which no copy of it has.
void mirror_mapped_end(Syscall& call, const MappedFile& file);

/// After shared memory came into view (mremap): what others have written there, or the guest where it was not mapped.
void mirror_grown_memory(Syscall& call, GuestRange range);

/// After the guest dropped private copies of file pages (MADV_DONTNEED): what it wrote to the file shows there.
void mirror_dropped_pages(Syscall& call, GuestRange range);

}  // namespace fred
