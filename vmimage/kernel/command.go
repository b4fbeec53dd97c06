package kernel

// Command returns a build command that runs as t wants it: directly, or with
// the overlay over /usr.
func (t Toolchain) Command(args []string) Command {
	return Command{Args: args, Clean: true}
}
