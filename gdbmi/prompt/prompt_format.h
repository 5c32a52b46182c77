// What the prompt looks like: `set fred prompt-format`.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "gdbmi/commands/travel_session.h"

namespace fred {

inline constexpr std::string_view default_prompt_format = "(fred[ %p]) ";

/// An Error names what is wrong with the format.
Result<> check_prompt_format(std::string_view format);

/// `time` is the present Time as text, needed where the format has %t.
std::string render_prompt(std::string_view format, const std::optional<Where>& where, std::string_view time);

}  // namespace fred
