// The short way for what programs ask very often: the clock functions of the vDSO and rdtsc. Translated code
// calls a C++ function that uses general registers only, so neither vector state nor FS need be swapped; it
// records, or re-executes from the log, exactly the event that the long way would. Whenever anything is out
// of the ordinary it declines, and the long way is taken.
#pragma once
#include "core/dispatch/cpu.h"
#include "core/trace/event_stream.h"

namespace fred {

/// Prepares the short way for this process. Without it every such exit takes the long way.
void install_light_handler(Cpu& cpu, EventStream& events);

}  // namespace fred
