// Arguments that a shell is to expand, as gdb's `run` has it.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace fred {

/// The word in single quotes.
std::string shell_quoted(std::string_view word);

/// What a shell must be given for one argument of gdb's `run`. gdb has split the line into words and taken the quotes
/// away, so what was quoted is guessed: a word with white space, or without anything to expand, stands for itself;
/// in others globs, variables, a leading ~ and redirections keep their meaning.
std::string shell_word(std::string_view word);
/// Is there anything in these arguments for a shell to do?
bool needs_shell(std::span<const std::string> words);

}  // namespace fred
