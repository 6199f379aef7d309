using System.Collections.Immutable;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Safetensors;

/// <summary>An open safetensors file: a table of tensors, and their bytes, mapped into memory.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private SafetensorsFile(GgufMapping mapping, ImmutableArray<SafetensorsTensor> tensors, ImmutableDictionary<string, string> metadata) =>
        (Mapping, Tensors, Metadata) = (mapping, tensors, metadata);

    /// <summary>The bytes of the file.</summary>
    public GgufMapping Mapping { get; }

    /// <summary>The tensors in the order of their bytes.</summary>
    public ImmutableArray<SafetensorsTensor> Tensors { get; }

    /// <summary>What the writer noted under <c>__metadata__</c>.</summary>
    public ImmutableDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="ModelFormatException">The file is damaged.</exception>
    /// <exception cref="UnsupportedModelException">A tensor has numbers of a format that is not known.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        var mapping = new GgufMapping(path);
        try
        {
            var (tensors, metadata) = SafetensorsHeader.Read(mapping);
            return new(mapping, tensors, metadata);
        }
        catch
        {
            mapping.Dispose();
            throw;
        }
    }

    public void Dispose() => Mapping.Dispose();
}
