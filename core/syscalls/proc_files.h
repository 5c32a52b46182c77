// What the guest finds about itself under /proc, where the kernel would tell it about the engine. Live only:
// the handlers of open, readlink and their kin call these within Syscall::perform, and what the guest then
// reads is in the log like any file.
//
// Paths are absolute. /proc/self, /proc/thread-self, /proc/OWN-PID and their task/TID folders are all the guest.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/engine.h"

namespace fred {

/// The contents of maps, smaps, auxv, cmdline, environ, comm, stat, statm and status, at this moment; nothing for
/// any other path, which is then the kernel's to answer.
std::optional<std::string> emulated_proc_text(Engine& engine, std::string_view path);

/// The target of exe: what readlink gives, and the file to open, stat or execute instead when the link is
/// followed. Nothing for any other path.
std::optional<std::string> emulated_proc_link(Engine& engine, std::string_view path);

/// The part of a path after the folder that is the guest itself ("maps", "fd/3"; "" for the folder); nothing if the
/// path is elsewhere.
std::optional<std::string> own_proc_part(std::string_view path);

}  // namespace fred
