// `fred-gdb --plain`: gdb itself has the terminal, and the session serves it.
#pragma once
#include "gdbmi/asio.h"
#include "gdbmi/commands/travel_session.h"
#include "gdbmi/prompt/options.h"

namespace fred {

/// Runs gdb until it ends; the exit status is gdb's.
int run_plain(asio::io_context& io, TravelSession& session, const PromptOptions& options);

}  // namespace fred
