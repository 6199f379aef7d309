// dotnet run -c Release -- shape llama-1b Q4_0 model.gguf     writes a model of that shape, for `embedded-llm bench`
// dotnet run -c Release -- [BenchmarkDotNet's arguments]      times kernels, formats, tokenizers
using BenchmarkDotNet.Running;
using EmbeddedLlm.Benchmarks;

if (args is ["shape", var shape, var type, var path])
    ShapeModel.Shapes[shape].Write(path, type);
else
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
