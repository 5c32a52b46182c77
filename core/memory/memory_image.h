// The contents of the guest's memory in a file, for a process that has the same mappings but was not forked.
#pragma once
#include <string>

#include "core/memory/guest_memory.h"

namespace fred {

/// Writes every page whose contents do not follow from the mappings alone, protected ones too.
Result<> save_image(const GuestMemory& memory, const std::string& path);

/// Fills them in where GuestMemory::restore() has made the mappings and detach_shared() has made them private.
Result<> load_image(const std::string& path);

}  // namespace fred
