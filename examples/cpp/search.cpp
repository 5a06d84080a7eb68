// The lines of a file that are closest to a question. In C++, with CMake:
//
//     cmake -B build -DCMAKE_PREFIX_PATH=/where/it/is/installed && cmake --build build
//     build/search sentence-transformers/all-MiniLM-L6-v2 "Who invented the telephone?" notes.txt
#include <rag_factory.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

// A model that frees itself and turns errors into exceptions.
class Model
{
  public:
    explicit Model(const std::string &source)
    {
        rf_model *model = nullptr;
        check(rf_model_open(source.c_str(), nullptr, &model, &err_));
        model_.reset(model);
    }

    std::size_t dim() const
    {
        return rf_model_dim(model_.get());
    }

    std::vector<float> documents(const std::vector<std::string> &texts)
    {
        std::vector<rf_text> views;
        for (const auto &text : texts)
            views.push_back({text.data(), text.size()});
        std::vector<float> out(texts.size() * dim());
        check(rf_embed_documents(model_.get(), views.data(), views.size(), out.data(), out.size(), &err_));
        return out;
    }

    std::vector<float> query(const std::string &text)
    {
        std::vector<float> out(dim());
        check(rf_embed_query(model_.get(), {text.data(), text.size()}, out.data(), out.size(), &err_));
        return out;
    }

  private:
    void check(rf_status status) const
    {
        if (status != RF_OK)
            throw std::runtime_error(err_.message);
    }

    std::unique_ptr<rf_model, decltype(&rf_model_free)> model_{nullptr, rf_model_free};
    rf_error err_{};
};

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: search MODEL QUESTION FILE\n";
        return 2;
    }
    try {
        std::ifstream file(argv[3]);
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);)
            lines.push_back(line);

        Model model(argv[1]);
        const auto vectors = model.documents(lines);
        const auto question = model.query(argv[2]);

        std::vector<std::pair<float, std::size_t>> scores;
        for (std::size_t i = 0; i < lines.size(); i++)
            scores.emplace_back(
                std::inner_product(question.begin(), question.end(), vectors.begin() + i * model.dim(), 0.0f), i);
        const auto n = std::min<std::size_t>(3, scores.size());
        std::partial_sort(scores.begin(), scores.begin() + n, scores.end(), std::greater<>());
        for (std::size_t i = 0; i < n; i++)
            std::cout << scores[i].first << "  " << lines[scores[i].second] << '\n';
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
