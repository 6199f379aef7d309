// An ASP.NET app with a model inside. POST /chat streams the answer as server-sent events:
//   curl -N localhost:5000/chat -H 'Content-Type: application/json' -d '{"message": "Hello"}'
using EmbeddedLlm.Hosting;
using Microsoft.Extensions.AI;

var builder = WebApplication.CreateBuilder(args);
var path = builder.Configuration["Model"] ?? Path.Combine(AppContext.BaseDirectory, "tiny.gguf");
builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = path);

var app = builder.Build();
app.MapPost("/chat", (Question question, IChatClient chat, CancellationToken cancellation) =>
    TypedResults.ServerSentEvents(chat
        .GetStreamingResponseAsync(question.Message, new() { MaxOutputTokens = 200 }, cancellation)
        .Select(update => update.Text)));
app.Run();

internal sealed record Question(string Message);
