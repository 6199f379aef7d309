using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>Tells models apart whose keys and values must not be mixed up: by their forward pass, and by pieces of every tensor.</summary>
internal static class ModelFingerprint
{
    // Of each tensor so many pieces are read, spread evenly: training changes all of them, and reading whole files takes as long as loading them.
    private const int Pieces = 16;
    private const int PieceBytes = 256;

    /// <summary>Bytes that are the same for the same model, quantization and length of the context where that changes frequencies; no proof against forgery.</summary>
    public static byte[] Of(GgufFile file, ModelGraph graph)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(GraphPrinter.Print(graph)));
        foreach (var rope in graph.Ops.OfType<Op.Rope>())
            hash.AppendData(MemoryMarshal.AsBytes(rope.Spec.Frequencies.AsSpan()));
        foreach (var tensor in file.Tensors)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{tensor}\n"));
            for (var piece = 0; piece < Pieces; piece++)
            {
                var length = (int)Math.Min(PieceBytes, tensor.Bytes);
                hash.AppendData(tensor.Slice((tensor.Bytes - length) * piece / (Pieces - 1), length));
            }
        }

        return hash.GetHashAndReset();
    }
}
