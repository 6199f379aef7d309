using EmbeddedLlm.Cli;

using var interrupts = new Interrupts();
return await CommandLine.RunAsync(args, new Terminal(Console.In, Console.Out, Console.Error, interrupts));
