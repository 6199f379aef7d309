using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Hosting;

namespace EmbeddedLlm.Assembler;

/// <summary>Brings the backend into an app's services.</summary>
public static class AssemblerBuilderExtensions
{
    /// <summary>Adds <see cref="AssemblerBackend"/>. Models run on it where it can run and gains, else on the CPU backend; why is logged.</summary>
    [Experimental("ELLM001")]
    public static IEmbeddedLlmBuilder UseAssembler(this IEmbeddedLlmBuilder builder) => builder.AddBackend<AssemblerBackend>();
}
