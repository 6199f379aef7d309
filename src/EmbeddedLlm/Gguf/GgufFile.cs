using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// An open GGUF model: versions 2 and 3, little-endian, in one file or split into shards. Files are mapped into memory and never copied.
/// Safe to read from many threads. Spans and metadata values point into the mapping: dispose the file last, when nobody uses them.
/// A file must not be changed or cut while it is open.
/// </summary>
public sealed class GgufFile : IDisposable
{
    internal const string SplitNumberKey = "split.no";
    internal const string SplitCountKey = "split.count";
    internal const string SplitTensorsKey = "split.tensors.count";

    private readonly List<GgufMapping> _mappings;
    private readonly List<GgufTensor> _tensors;
    private readonly Dictionary<string, GgufTensor> _byName;

    private GgufFile(GgufShard first, List<GgufMapping> mappings, List<GgufTensor> tensors)
        : this(mappings[0].Path, first, mappings, tensors)
    {
    }

    private GgufFile(string path, GgufShard first, List<GgufMapping> mappings, List<GgufTensor> tensors)
    {
        _mappings = mappings;
        _tensors = tensors;
        Path = path;
        Version = first.Version;
        Alignment = first.Alignment;
        Metadata = first.Metadata;
        _byName = new Dictionary<string, GgufTensor>(tensors.Count, StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!_byName.TryAdd(tensor.Name, tensor))
                throw new ModelFormatException($"{Path}: tensor name: expected each name once, found '{tensor.Name}' again.");
        }
    }

    /// <summary>Full path of the file, of the first shard where there are several; of the folder, where the model is one.</summary>
    public string Path { get; }

    /// <summary>Full paths of all shards, of the one file where there are none.</summary>
    internal IEnumerable<string> Paths => _mappings.Select(m => m.Path);

    /// <summary>GGUF version, 2 or 3.</summary>
    public int Version { get; }

    /// <summary>Every tensor begins at a multiple of this many bytes.</summary>
    public int Alignment { get; }

    /// <summary>The key-value pairs, of the first shard where there are several.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors in the order of the files.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>
    /// Opens a model. The path of any shard (<c>name-00002-of-00003.gguf</c>) opens all of them, which must stand in one folder.
    /// </summary>
    /// <exception cref="ModelFormatException">The file is damaged, big-endian, of version 1, or a shard is missing or does not fit.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var mappings = new List<GgufMapping>();
        try
        {
            var first = OpenShard(path, mappings);
            var count = first.Metadata.GetInt(SplitCountKey, 1);
            return count <= 1 ? new GgufFile(first, mappings, [.. first.Tensors]) : OpenShards(first, count, mappings);
        }
        catch
        {
            foreach (var mapping in mappings)
                mapping.Dispose();
            throw;
        }
    }

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out GgufTensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>Unmaps the files. Spans taken from tensors must not be used any more: they would read memory that is gone.</summary>
    public void Dispose()
    {
        foreach (var mapping in _mappings)
            mapping.Dispose();
    }

    /// <summary>For who is about to read much: what is left of a file that another program cut short cannot be read safely.</summary>
    /// <exception cref="ModelFormatException">A file is shorter than it was when it was opened.</exception>
    internal void ThrowIfCut()
    {
        foreach (var mapping in _mappings)
            mapping.ThrowIfCut();
    }

    /// <summary>What another format holds, seen as the GGUF file that it could be. Disposing it unmaps <paramref name="mappings"/>.</summary>
    internal static GgufFile Of(string path, GgufMetadata metadata, List<GgufTensor> tensors, List<GgufMapping> mappings) =>
        new(path, new GgufShard(Version: 3, GgufReader.DefaultAlignment, metadata, []), mappings, tensors);

    private static GgufShard OpenShard(string path, List<GgufMapping> mappings)
    {
        var mapping = new GgufMapping(path);
        mappings.Add(mapping);
        return GgufReader.Read(mapping);
    }

    /// <summary>Opens all shards of a model, of which one is open already.</summary>
    private static GgufFile OpenShards(GgufShard opened, int count, List<GgufMapping> mappings)
    {
        var path = mappings[0].Path;
        if (count > GgufLimits.Shards)
            throw new ModelFormatException($"{path}: {SplitCountKey}: expected at most {GgufLimits.Shards}, found {count}.");
        var suffix = Suffix(opened.Metadata.GetInt(SplitNumberKey), count);
        if (!path.EndsWith(suffix, StringComparison.Ordinal))
            throw new ModelFormatException($"{path}: the file is one of {count} shards: expected a name that ends with '{suffix}', so that the others can be found.");

        mappings[0].Dispose();
        mappings.Clear();
        var shards = new List<GgufShard>();
        var tensors = new List<GgufTensor>();
        for (var number = 0; number < count; number++)
        {
            var shardPath = path[..^suffix.Length] + Suffix(number, count);
            if (!File.Exists(shardPath))
                throw new ModelFormatException($"{path}: the file is one of {count} shards: expected '{shardPath}' beside it, found none.");
            var shard = OpenShard(shardPath, mappings);
            if (shard.Metadata.GetInt(SplitNumberKey) != number || shard.Metadata.GetInt(SplitCountKey) != count)
                throw new ModelFormatException($"{shardPath}: expected shard {number} of {count}, found {shard.Metadata.GetInt(SplitNumberKey)} of {shard.Metadata.GetInt(SplitCountKey)}.");
            shards.Add(shard);
            tensors.AddRange(shard.Tensors);
        }

        if (shards[0].Metadata.GetInt(SplitTensorsKey) is var expected && expected != tensors.Count)
            throw new ModelFormatException($"{path}: {SplitTensorsKey}: expected {expected} tensors in all shards, found {tensors.Count}.");
        return new GgufFile(shards[0], mappings, tensors);
    }

    private static string Suffix(int number, int count) => $"-{number + 1:D5}-of-{count:D5}.gguf";
}
