using System.CommandLine;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;

namespace EmbeddedLlm.Cli;

/// <summary>Which backend runs the model: <c>--backend</c>.</summary>
internal static class BackendOption
{
    /// <summary>The backends to choose from, the default first.</summary>
    private static readonly IBackend[] Backends = [new CpuBackend(), new AssemblerBackend()];

    public static Option<string> Create()
    {
        var names = Backends.Select(backend => backend.Name).ToArray();
        var option = new Option<string>("--backend") { Description = "What runs the model.", DefaultValueFactory = _ => names[0] };
        return option.AcceptOnlyFromAmong(names);
    }

    public static IBackend Find(string name) => Backends.Single(backend => backend.Name == name);
}
