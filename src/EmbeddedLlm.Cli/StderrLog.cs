using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace EmbeddedLlm.Cli;

/// <summary>Log events on stderr: warnings always, all with <c>--verbose</c>.</summary>
internal static class StderrLog
{
    public static ILoggerFactory Create(ParseResult parsed)
    {
        var verbose = parsed.GetValue<bool>("--verbose");
        return LoggerFactory.Create(logging => logging
            .SetMinimumLevel(LogLevel.Debug)
            .AddFilter(level => verbose || level == LogLevel.Warning) // errors arrive as exceptions, and are printed once
            .AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled))
            .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
    }
}
