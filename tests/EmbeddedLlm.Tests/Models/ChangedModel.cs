using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Tests.Models;

/// <summary>A golden model with other metadata or tensors, in a file that goes with it.</summary>
internal sealed class ChangedModel : IDisposable
{
    /// <param name="name">The golden model.</param>
    /// <param name="keys">Metadata to set, or to leave out where there is no value.</param>
    /// <param name="tensors">What a tensor becomes: itself if null, nothing if empty, else tensors of these names with its numbers.</param>
    public ChangedModel(string name, (string Key, GgufValue? Value)[] keys, Func<string, string[]?>? tensors = null)
    {
        using var file = GgufFile.Open(Golden.Path("models", name, "model.gguf"));
        var writer = new GgufWriter();
        foreach (var key in file.Metadata.Keys.Except(keys.Select(pair => pair.Key)))
            writer.Set(key, file.Metadata[key]);
        foreach (var (key, value) in keys.Where(pair => pair.Value is not null))
            writer.Set(key, value!);
        foreach (var tensor in file.Tensors)
        {
            foreach (var newName in tensors?.Invoke(tensor.Name) ?? [tensor.Name])
                writer.Add(newName, tensor.Type, tensor.Dimensions.AsSpan(), stream => stream.Write(tensor.Slice(0, (int)tensor.Bytes)));
        }

        writer.Save(File);
    }

    public string File { get; } = Path.GetTempFileName();

    public LoadedGraph Load()
    {
        using var file = GgufFile.Open(File);
        return ModelLoader.Load(file);
    }

    public void Dispose() => System.IO.File.Delete(File);
}
