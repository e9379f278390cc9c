// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "trainer.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <regex>
#include <sstream>

#include "curves.hpp"
#include "file_io.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "schedule.hpp"
#include "text.hpp"

using torch::Tensor;

namespace train {

static std::atomic<bool> stopped(false);
static const char REVISION[] = SEMCORR_REVISION;  // empty where the sources are no git checkout

void Trainer::stop()
{
    stopped = true;
}

// Groups of the adapter's parameters, the method's and the backbone's
static std::vector<torch::optim::OptimizerParamGroup> parameterGroups(const Options& options, const Model& model)
{
    std::vector<std::vector<Tensor> > parts = { model->adapter->parameters(), model->method->parameters() };
    if (model->blocks)
        parts.push_back(model->blocks->parameters());
    std::vector<torch::optim::OptimizerParamGroup> groups;
    for (const std::vector<Tensor>& parameters : parts)
        groups.push_back(torch::optim::OptimizerParamGroup(parameters, std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(options.rate).weight_decay(options.decay))));
    return groups;
}

Trainer::Trainer(const Options& options_, const Backbone& backbone_, const TrainingData& data_, const Validation& validation_,
                 const torch::Device& device_, const Processes& processes_, const std::string& command_)
    : options(options_), backbone(backbone_), data(data_), validation(validation_), device(device_), processes(processes_),
      command(command_), fingerprint(data.fingerprint()), identity(learningOptions(options_)),
      state{ 0, nullptr, nullptr, nullptr, History() }, result(nullptr), hasModel(false), leaving(false)
{
    identity.push_back("data: " + fingerprint);
    identity.push_back("validation: " + validation.fingerprint());
    createModels();
    optimizer = std::make_unique<torch::optim::AdamW>(parameterGroups(options, state.model),
                                                      torch::optim::AdamWOptions(options.rate));
    state.optimizer = optimizer.get();
    if (options.resume)
        resume();
    else
        average();  // a copy
    checkSame();
}

static std::string featuresLine(const Backbone& backbone)
{
    return "features: " + backbone.fingerprint();
}

// What --start-from asks for; an empty Start where it asks for nothing
static Start begin(const Options& options, const Backbone& backbone, Model& model)
{
    return options.startFrom.empty() ? Start() : loadStart(options.startFrom, model, featuresLine(backbone), options.startWith == "all");
}

void Trainer::check(const Options& options, const Backbone& backbone)
{
    Model model(options, std::vector<float>(backbone.channels, 0.f), backbone.copyBlocks());
    begin(options, backbone, model);
}

void Trainer::createModels()
{
    identity.push_back(featuresLine(backbone));
    std::vector<float> mean = data.meanFeature(backbone);
    torch::manual_seed(options.seed);
    state.model = Model(options, mean, backbone.copyBlocks());
    start = begin(options, backbone, state.model);
    if (!options.startFrom.empty())
    {
        identity.push_back("start: " + start.sha256);
        mean = state.model->adapter->centre(mean);
    }
    state.averaged = Model(options, mean, backbone.copyBlocks());
    result = Model(options, mean, backbone.copyBlocks());
    for (Model* model : { &state.model, &state.averaged, &result })
        (*model)->to(device);
}

// Processes must not add up gradients of different things.
void Trainer::checkSame() const
{
    std::string text = cv::format("%d\n", state.step);
    for (const std::string& line : identity)
        text += line + "\n";
    for (const Tensor& p : state.model->parameters())
    {
        const Tensor values = p.detach().to(torch::kCPU).contiguous();
        text += cv::semcorr::sha256(values.data_ptr(), values.nbytes());
    }
    processes.checkSame(text, "options, data and weights");
}

std::string Trainer::file(const char* name) const
{
    return (std::filesystem::path(options.out) / name).string();
}

static std::string fileSha256(const std::string& file)
{
    static const size_t MOST = (size_t)1 << 33;  // bytes
    const std::vector<uchar> bytes = cv::semcorr::loadBytes(file, MOST);
    return cv::semcorr::sha256(bytes.data(), bytes.size());
}

void Trainer::resume()
{
    loadCheckpoint(file("checkpoint.pt"), state, identity);
    History& history = state.history;
    if (history.bestStep == 0)
        return;
    const std::string model = file("model.yml"), expected = history.modelSha256;  // none in checkpoints of earlier programs
    hasModel = std::filesystem::exists(model) && (expected.empty() || expected == fileSha256(model));
    if (!hasModel)  // lost since, or of another run: the next best one is kept
    {
        history.best = History().best;
        history.bestStep = 0;
    }
}

// The loss before the step, of the whole batch. Losses are means over pairs, so that a part's counts by its share.
double Trainer::takeStep()
{
    const double rate = options.rate * oneCycle(state.step, options.steps, options.warmUp);
    const double shares[] = { options.adapterRate, 1, options.backboneRate };  // of the parameter groups
    for (size_t i = 0; i < optimizer->param_groups().size(); i++)
        static_cast<torch::optim::AdamWOptions&>(optimizer->param_groups()[i].options()).lr(rate * shares[i]);
    const cv::Range share = processes.place.share(options.batch);
    const Batch batch = makeBatch(data, options, state.step, share.start, share.size(), device);
    optimizer->zero_grad();
    const Tensor part = state.model->loss(batch) * ((double)share.size() / options.batch);
    part.backward();
    const Tensor loss = part.detach(), stops = torch::full_like(loss, (double)stopped);
    std::vector<Tensor> sums = { loss, stops };
    for (const Tensor& p : state.model->parameters())
        if (p.grad().defined())
            sums.push_back(p.grad());
    processes.sum(sums);
    leaving = stops.item<double>() > 0;
    const double norm = torch::nn::utils::clip_grad_norm_(state.model->parameters(), options.clip);
    const double value = loss.item<double>();
    if (!std::isfinite(value) || !std::isfinite(norm))
        CV_Error(cv::Error::StsError, cv::format("the loss is %g and its gradient's norm %g in step %d, expected finite values; "
                                                 "the last checkpoint is kept, a smaller --rate may help", value, norm, state.step + 1));
    optimizer->step();
    return value;
}

// Exponential mean of the weights; young means follow faster
void Trainer::average()
{
    torch::NoGradGuard guard;
    const double keep = std::min(options.averaging, (state.step + 1.) / (state.step + 10.)) * (state.step > 0);
    const std::vector<Tensor> from = state.model->parameters(), to = state.averaged->parameters();
    for (size_t i = 0; i < from.size(); i++)
        to[i].lerp_(from[i], 1 - keep);
}

void Trainer::makeResult()
{
    torch::NoGradGuard guard;
    const std::vector<Tensor> from = state.averaged->parameters(), to = result->parameters();
    for (size_t i = 0; i < from.size(); i++)
        to[i].copy_(from[i]);
    result->adapter->mixWithIdentity(options.adapterShare);
}

static std::string indented(const std::string& text)
{
    std::istringstream stream(text);
    std::string result;
    for (std::string line; std::getline(stream, line);)
        result += "  " + line + "\n";
    return result;
}

// Of the weights after the last step
std::string Trainer::provenance() const
{
    std::string text = "Trained by semcorr_train: " + command + "\nData: " + data.description() + "\n";
    text += cv::format("Seed %d, %d of %d steps, %.0f s, %d threads%s\n", options.seed, state.step, options.steps,
                       state.history.seconds, cv::getNumThreads(), *REVISION ? (std::string(", revision ") + REVISION).c_str() : "");
    text += "Data fingerprint " + fingerprint.substr(0, 16) + ", options: " + changedOptions(options) + "\n";
    if (!state.history.pck.empty() && state.history.validated.back() == state.step)
    {
        const std::vector<double>& pck = state.history.pck.back();
        text += cv::format("PCK of validation at 0.05, 0.1, 0.15 of the keypoints' box: %.4f %.4f %.4f (%s)\n", pck[0], pck[1],
                           pck[2], validation.description().c_str());
    }
    if (!options.startFrom.empty())
        text += std::string("Began ") + (options.startWith == "all" ? "" : "but for the scoring net ") + "with the weights of:\n" +
                indented(start.provenance);
    return toUtf8(text + options.note);  // names of categories and outputs, and the earlier provenance, may be in any encoding
}

// Nets beside models that are no more, also of earlier runs
static void removeBackbones(const std::string& folder, const std::string& but)
{
    static const std::regex name("backbone-[0-9a-f]{16}\\.onnx");
    const std::filesystem::path kept = std::filesystem::path(but).filename();
    std::error_code ignored;
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(folder, ignored))
        if (std::regex_match(entry.path().filename().string(), name) && entry.path().filename() != kept)
            std::filesystem::remove(entry.path(), ignored);
}

void Trainer::keep()
{
    removeBackbones(options.out, saveModel(file("model.yml"), *result, backbone, provenance()));
    state.history.modelSha256 = fileSha256(file("model.yml"));
    hasModel = true;
}

// Whether the model is the best so far, and kept
bool Trainer::validate(Progress& progress)
{
    makeResult();
    const std::vector<double> pck = validation.measure(*result, device).mean;
    state.history.validated.push_back(state.step);
    state.history.pck.push_back(pck);
    const bool better = pck[1] > state.history.best;
    progress.say(cv::format("step %5d  loss %.4f  PCK %.4f %.4f %.4f%s", state.step, state.history.losses.back(), pck[0],
                            pck[1], pck[2], better ? "  best" : ""));
    if (!better)
        return false;
    state.history.best = pck[1];
    state.history.bestStep = state.step;
    keep();
    return true;
}

void Trainer::writeCheckpoint()
{
    saveCheckpoint(file("checkpoint.pt"), state, identity, provenance());
    if (!hasModel)  // that of an earlier run is not this checkpoint's
        std::filesystem::remove(file("model.yml"));
    writeLog(file("log.csv"), state.history);
    drawCurves(file("curves.png"), state.history, options.steps);
}

void Trainer::record(Progress& progress, bool validating)
{
    const bool better = validating && validate(progress);
    // also with a better model, so that what belongs to it can be resumed
    if (state.step == options.steps || leaving || better || state.step % options.checkpointEvery == 0)
        writeCheckpoint();
}

bool Trainer::run()
{
    Progress progress("training", options.steps, state.step, !processes.isFirst());
    double mean = 0;
    const double before = state.history.seconds;
    const auto begin = std::chrono::steady_clock::now();
    while (state.step < options.steps && !leaving)
    {
        const double loss = takeStep();
        state.step++;
        average();
        state.history.losses.push_back(loss);
        state.history.seconds = before + std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        mean = mean == 0 ? loss : 0.95 * mean + 0.05 * loss;
        const bool validating = !validation.empty() && (state.step == options.steps || state.step % options.validateEvery == 0);
        if (processes.isFirst())
            record(progress, validating);
        if (validating)
            processes.wait();
        const double rate = options.rate * oneCycle(std::min(state.step, options.steps - 1), options.steps, options.warmUp);
        progress.update(state.step, cv::format("loss %.3f  rate %.2e", mean, rate));
    }
    checkSame();
    const bool finished = state.step == options.steps;
    if (finished && processes.isFirst() && !hasModel)
    {
        makeResult();
        keep();
    }
    return finished;
}

}
