using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Backends;

/// <summary>A kind of hardware that can run models. Register one with <c>AddBackend&lt;T&gt;()</c>.</summary>
[Experimental("ELLM001")]
public interface IBackend
{
    /// <summary>The name that <c>LlmOptions.Backend</c> may ask for, such as <c>cpu</c>.</summary>
    string Name { get; }

    /// <summary>Says whether this backend can run <paramref name="graph"/> here, how well, and if not, why.</summary>
    BackendOffer Offer(ModelGraph graph);

    /// <summary>Brings the weights to the device, chooses kernels and plans buffers.</summary>
    IModelRunner Load(ModelGraph graph, RunnerOptions options);
}
