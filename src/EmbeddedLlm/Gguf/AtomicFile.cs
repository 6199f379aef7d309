namespace EmbeddedLlm.Gguf;

/// <summary>Writes a file whole or not at all. The command line compiles this file too.</summary>
internal static class AtomicFile
{
    /// <summary>Writes beside <paramref name="path"/> and renames when all is on disk: a crash leaves the old file, not half a new one.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{Path.GetFullPath(path)}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
