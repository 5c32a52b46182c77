// What /proc tells of a process that is to be attached to, and whether it can be.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/memory/smaps.h"

namespace fred {

/// What keeps fred from attaching to a process, as one line for the user; what can only be seen once it is stopped is
/// not among it (check_memory()).
Result<> check_process(pid_t pid);
/// The reason behind a refusal of ptrace.
Error explain_refusal(pid_t pid, const Error& refusal);
/// The process is stopped: is there anything in its memory that fred cannot take over?
Result<> check_memory(pid_t pid, const std::vector<KernelMapping>& mappings);

/// A file of /proc/PID, empty if it cannot be read.
std::string proc_file(pid_t pid, std::string_view name);
/// Where a link of /proc/PID leads to, empty if it cannot be read.
std::string proc_link(pid_t pid, std::string_view name);
/// The value of a line "Name:\tVALUE" of /proc/PID/status, empty if there is none.
std::string status_value(pid_t pid, std::string_view name);
/// The numbers of /proc/PID/stat; [n] is its field n as proc(5) counts. Empty if they cannot be read.
std::vector<unsigned long> stat_fields(pid_t pid);
/// "1234 (name)".
std::string process_text(pid_t pid);

}  // namespace fred
